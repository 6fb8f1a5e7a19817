import { type Bytes, textOfUtf8 } from '../../base/bytes.ts';
import { readOnly } from '../../codec/der-reader.ts';
import { TAG } from '../../codec/der-tag.ts';
import { OID } from '../../codec/oid.ts';
import type { Certificate } from '../x509/certificate/certificate.ts';
import { type DistinguishedName, isEmptyName, isNameWithin } from '../x509/name/distinguished-name.ts';
import { isDnsName, isDnsWithin, type Mailbox, splitMailbox } from '../x509/name/dns-name.ts';
import type { NameConstraints } from '../x509/certificate/extensions.ts';
import type { GeneralName } from '../x509/name/general-name.ts';
import { hostOfUri } from '../x509/name/uri.ts';
import type { PathWork } from './path-work.ts';

/**
 * Comparisons of a name with a constraint that one validation may cost. 65,536 = 256 names under 256 constraints, far
 * beyond real certificates; two hostile certificates could otherwise ask for millions (quadratic blow-up).
 */
export const NAME_COMPARISONS_MAX = 65_536;

export type NameJudgement = 'within' | 'not-permitted' | 'excluded' | 'unsupported' | 'too-costly';

type NameForm = GeneralName['tag'];

/** A name, or the base of a constraint, read once for all comparisons that it stands in. Texts are in lower case. */
export type ReadName =
  | { readonly tag: 'dns'; readonly text: string }
  | { readonly tag: 'email'; readonly text: string; readonly mailbox: Mailbox | undefined }
  | { readonly tag: 'uri'; readonly text: string; readonly host: string | undefined }
  | { readonly tag: 'ip'; readonly octets: Bytes }
  | { readonly tag: 'directory'; readonly name: DistinguishedName }
  | { readonly tag: 'other' | 'x400' | 'edi-party' | 'registered-id' };

export function readNameForm(name: GeneralName): ReadName {
  switch (name.tag) {
    case 'dns':
      return { tag: name.tag, text: name.value.toLowerCase() };
    case 'email':
      return { tag: name.tag, text: name.value.toLowerCase(), mailbox: splitMailbox(name.value) };
    case 'uri':
      return { tag: name.tag, text: name.value.toLowerCase(), host: hostOfUri(name.value) };
    case 'ip':
    case 'directory':
      return name;
    default:
      return { tag: name.tag };
  }
}

/** Name constraints of a certificate, each base read once. */
export interface ReadConstraints {
  readonly permitted: readonly ReadName[];
  readonly excluded: readonly ReadName[];
  /** Whether each base has the syntax of its form. */
  readonly isMeaningful: boolean;
}

export function readConstraints({ permitted, excluded }: NameConstraints): ReadConstraints {
  return {
    permitted: permitted.map(readNameForm),
    excluded: excluded.map(readNameForm),
    isMeaningful: permitted.every(isMeaningful) && excluded.every(isMeaningful),
  };
}

/**
 * The constraints of the CAs above a certificate (RFC 5280 sections 4.2.1.10 and 6.1.3 b, c). A name passes when every
 * CA that permits names of its form permits it, and none excludes it: the intersection and union of section 6.1.4 g.
 */
export class NameConstraintState {
  readonly #above: ReadConstraints[] = [];
  readonly #work: PathWork;

  constructor(work: PathWork) {
    this.#work = work;
  }

  /** Adds the constraints of a CA; `false` where one of them means nothing. */
  add(constraints: NameConstraints): boolean {
    const read = this.#work.constraintsOf(constraints);
    this.#above.push(read);
    return read.isMeaningful;
  }

  judge(certificate: Certificate): NameJudgement {
    if (this.#above.length === 0) return 'within';
    for (const name of this.#work.namesOf(certificate)) {
      for (const { permitted, excluded } of this.#above) {
        const judgement = this.#judgeName(name, permitted, excluded);
        if (judgement !== 'within') return judgement;
      }
    }
    return 'within';
  }

  #judgeName(name: ReadName, permitted: readonly ReadName[], excluded: readonly ReadName[]): NameJudgement {
    this.#work.comparisonsLeft -= permitted.length + excluded.length;
    if (this.#work.comparisonsLeft < 0) return 'too-costly';
    // 4.2.1.10: where a constraint exists for a form that is not understood here, names of that form are refused.
    if (!SUPPORTED.has(name.tag) && (hasForm(permitted, name.tag) || hasForm(excluded, name.tag))) return 'unsupported';
    if (excluded.some((base) => matches(name, base, 'excluded'))) return 'excluded';
    if (hasForm(permitted, name.tag) && !permitted.some((base) => matches(name, base, 'permitted')))
      return 'not-permitted';
    return 'within';
  }
}

const SUPPORTED: ReadonlySet<NameForm> = new Set(['dns', 'email', 'uri', 'ip', 'directory'] as const);

function hasForm(constraints: readonly ReadName[], form: NameForm): boolean {
  return constraints.some(({ tag }) => tag === form);
}

/** The subject, the alternative names and, where there are none, the email addresses in the subject (section 4.2.1.10). */
export function* constrainedNamesOf({ subject, extensions }: Certificate): IterableIterator<GeneralName> {
  if (!isEmptyName(subject)) yield { tag: 'directory', name: subject };
  if (extensions.subjectAltName === undefined)
    for (const value of subject.emailAddresses) yield { tag: 'email', value };
  else
    for (const name of extensions.subjectAltName) {
      yield name;
      // RFC 9598 section 6: constraints of email names hold for mailboxes beyond ASCII as well.
      if (name.tag === 'other' && name.typeId === OID.smtpUtf8Mailbox)
        yield { tag: 'email', value: readUtf8Mailbox(name.value) };
    }
}

/** `SmtpUTF8Mailbox ::= UTF8String`; what is none becomes the empty text, which no email constraint lets pass. */
function readUtf8Mailbox(der: Bytes): string {
  try {
    return readOnly(der, (reader) => textOfUtf8(reader.content(TAG.utf8String)));
  } catch {
    return '';
  }
}

/** Whether a constraint has the syntax of its form. An empty text stands for every name of its form. */
function isMeaningful(base: GeneralName): boolean {
  switch (base.tag) {
    case 'dns':
      return base.value === '' || isDnsName(base.value);
    case 'email':
      return base.value === '' || isDnsName(withoutPeriod(base.value)) || splitMailbox(base.value) !== undefined;
    case 'uri':
      return base.value === '' || isDnsName(withoutPeriod(base.value));
    case 'ip':
      return (
        (base.octets.length === 8 || base.octets.length === 32) &&
        isPrefixMask(base.octets.subarray(base.octets.length / 2))
      );
    default:
      return true;
  }
}

function matches(name: ReadName, base: ReadName, list: 'permitted' | 'excluded'): boolean {
  if (name.tag === 'dns' && base.tag === 'dns') return matchesDns(name.text, base.text, list);
  if (name.tag === 'email' && base.tag === 'email') return matchesEmail(name.mailbox, base, list);
  if (name.tag === 'uri' && base.tag === 'uri') return matchesUri(name.host, base.text, list);
  if (name.tag === 'ip' && base.tag === 'ip') return matchesIp(name.octets, base.octets);
  return name.tag === 'directory' && base.tag === 'directory' && isNameWithin(name.name, base.name);
}

function matchesDns(name: string, base: string, list: 'permitted' | 'excluded'): boolean {
  if (base === '' || isDnsWithin(name, base)) return true;
  // A wildcard stands for names one label longer, so it also touches an excluded name just below its own base.
  return (
    list === 'excluded' &&
    name.startsWith('*.') &&
    base.endsWith(name.slice(1)) &&
    !base.slice(0, 1 - name.length).includes('.')
  );
}

/** A mailbox (its local part is exact, but for quotes), all at one host, or with a leading period at every host below. */
function matchesEmail(
  mailbox: Mailbox | undefined,
  base: ReadName & { readonly tag: 'email' },
  list: 'permitted' | 'excluded',
): boolean {
  if (mailbox === undefined) return list === 'excluded'; // what cannot be read is never within
  if (base.text === '') return true;
  const wanted = base.mailbox;
  if (wanted !== undefined) return mailbox.local === wanted.local && mailbox.host === wanted.host;
  return matchesHost(mailbox.host, base.text);
}

/** The host of the authority part, or with a leading period every host below. */
function matchesUri(host: string | undefined, base: string, list: 'permitted' | 'excluded'): boolean {
  // 4.2.1.10: a URI without a host name must be refused where URIs are constrained.
  if (host === undefined) return list === 'excluded';
  return base === '' || matchesHost(host, base);
}

function matchesHost(host: string, base: string): boolean {
  return base.startsWith('.') ? host.endsWith(base) && host.length > base.length : host === base;
}

/** `base` is address and mask (RFC 4632); an IPv4 constraint says nothing that an IPv6 address could fulfil. */
function matchesIp(octets: Bytes, base: Bytes): boolean {
  if (base.length !== octets.length * 2) return false;
  return octets.every((octet, i) => ((octet ^ (base[i] as number)) & (base[octets.length + i] as number)) === 0);
}

/** Ones, then zeros. */
function isPrefixMask(mask: Bytes): boolean {
  let isTail = false;
  for (const octet of mask) {
    if (isTail && octet !== 0) return false;
    if (octet === 0xff) continue;
    if ((~octet & 0xff & ((~octet & 0xff) + 1)) !== 0) return false;
    isTail = true;
  }
  return true;
}

function withoutPeriod(text: string): string {
  return text.startsWith('.') ? text.slice(1) : text;
}
