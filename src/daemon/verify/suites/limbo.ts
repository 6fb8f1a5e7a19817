import { MeshError, messageOf } from '../../../base/errors.ts';
import type { UnixMs } from '../../../base/time.ts';
import { OID } from '../../../codec/oid.ts';
import { parsePem } from '../../../codec/pem.ts';
import { checkX509Signature } from '../../../crypto/signatures/x509-signature.ts';
import {
  type Certificate,
  CERTIFICATE_BYTES_MAX,
  parseCertificate,
} from '../../../pki/x509/certificate/certificate.ts';
import { CRL_BYTES_MAX, parseCrl } from '../../../pki/x509/crl/crl.ts';
import { revocationFromCrls } from '../../../pki/path/crl-revocation.ts';
import { KEY_USAGE } from '../../../pki/x509/certificate/extensions.ts';
import { validatePath } from '../../../pki/path/path.ts';
import type { PeerName } from '../../../pki/path/peer-name.ts';

/** Groups of x509-limbo that ask for more than RFC 5280: for profiles of the web, or of one library. */
const BEYOND: ReadonlySet<string> = new Set(['webpki', 'cve', 'online', 'bettertls']);

/** One case of a file in the format of x509-limbo, as far as it is read here: foreign JSON, see {@link requireTypes}. */
export interface LimboCase {
  readonly id: string;
  readonly validation_kind?: string | null;
  readonly trusted_certs?: readonly string[];
  readonly untrusted_intermediates?: readonly string[];
  readonly peer_certificate?: string;
  readonly validation_time?: string | null;
  readonly key_usage?: readonly string[] | null;
  readonly extended_key_usage?: readonly string[] | null;
  readonly expected_peer_name?: LimboName | null;
  readonly expected_peer_names?: readonly LimboName[] | null;
  readonly max_chain_depth?: number | null;
  readonly crls?: readonly string[] | null;
}

interface LimboName {
  readonly kind: string;
  readonly value: string;
}

export interface LimboResult {
  readonly id: string;
  readonly actual_result: 'SUCCESS' | 'FAILURE' | 'SKIPPED';
  readonly context: string;
}

/** The cases of a file. @throws ERR_INPUT for what is none: without an id there is nothing to answer to. */
export function limboCasesOf(file: unknown): readonly LimboCase[] {
  const { testcases } = Object(file) as { readonly testcases?: unknown };
  if (!Array.isArray(testcases)) throw new MeshError('ERR_INPUT', 'the file has no «testcases» as x509-limbo has');
  return testcases.map((testCase: unknown, i) => {
    const { id } = Object(testCase) as { readonly id?: unknown };
    if (typeof id !== 'string') throw new MeshError('ERR_INPUT', `testcases[${i}] has no «id» that is text`);
    return testCase as LimboCase;
  });
}

/** Judges one case with {@link validatePath}. Never throws: what cannot be parsed is a FAILURE. `now` where no time is given. */
export function judgeLimboCase(testCase: LimboCase, now: UnixMs): LimboResult {
  const { id } = testCase;
  const group = id.split('::')[0] ?? '';
  if (BEYOND.has(group)) return { id, actual_result: 'SKIPPED', context: `group ${group} is beyond RFC 5280` };
  try {
    const result = validatePath(inputOf(testCase, now));
    if (result.tag === 'ok')
      return { id, actual_result: 'SUCCESS', context: `path of ${result.path.length} certificates` };
    return { id, actual_result: 'FAILURE', context: `${result.code} at depth ${result.depth}: ${result.message}` };
  } catch (error) {
    return { id, actual_result: 'FAILURE', context: messageOf(error) };
  }
}

type Member = Exclude<keyof LimboCase, 'id' | 'validation_kind'>;

const isText = (value: unknown): boolean => typeof value === 'string';
const isName = (value: unknown): boolean => {
  const { kind, value: name } = Object(value) as Record<string, unknown>;
  return isText(kind) && isText(name);
};
const TEXT = ['text', isText] as const;
const TEXTS = ['a list of texts', listOf(isText)] as const;
const NAME = 'a name, with «kind» and «value» as texts';

const TYPES: Readonly<Record<Member, readonly [what: string, is: (value: unknown) => boolean]>> = {
  trusted_certs: TEXTS,
  untrusted_intermediates: TEXTS,
  peer_certificate: TEXT,
  validation_time: TEXT,
  key_usage: TEXTS,
  extended_key_usage: TEXTS,
  expected_peer_name: [NAME, isName],
  expected_peer_names: [`a list, each ${NAME}`, listOf(isName)],
  max_chain_depth: ['a whole number from 0 on', (value) => Number.isSafeInteger(value) && (value as number) >= 0],
  crls: TEXTS,
};

/** @throws ERR_INPUT naming the first member of a case that is there and of another type than x509-limbo has. */
function requireTypes(testCase: LimboCase): void {
  for (const [name, [what, is]] of Object.entries(TYPES)) {
    const value: unknown = testCase[name as Member];
    if (value != null && !is(value)) throw new MeshError('ERR_INPUT', `member ${name} of the case is not ${what}`);
  }
}

function listOf(is: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => Array.isArray(value) && value.every(is);
}

function inputOf(testCase: LimboCase, now: UnixMs) {
  requireTypes(testCase);
  const at = testCase.validation_time == null ? now : instantOf(testCase.validation_time);
  const crls = (testCase.crls ?? []).flatMap((pem) =>
    parsePem(pem, 'X509 CRL', 2 * CRL_BYTES_MAX).map((der) => parseCrl(der, 'any')),
  );
  const names = [testCase.expected_peer_name, ...(testCase.expected_peer_names ?? [])].filter((name) => name != null);
  const untrusted = certificatesOf(testCase.untrusted_intermediates ?? []);
  return {
    leaf: certificatesOf([testCase.peer_certificate ?? ''])[0] as Certificate,
    untrusted,
    anchors: certificatesOf(testCase.trusted_certs ?? []),
    at,
    checkSignature: checkX509Signature,
    intermediatesMax: testCase.max_chain_depth ?? undefined,
    extendedKeyUsages: (testCase.extended_key_usage ?? []).map((name) => known(EXTENDED_KEY_USAGES, name)),
    keyUsage: (testCase.key_usage ?? []).map((name) => known(KEY_USAGES, name)).reduce((bits, bit) => bits | bit, 0),
    peerNames: names.map(({ kind, value }): PeerName => ({ kind: known(NAME_KINDS, kind), value })),
    checkRevocation: revocationFromCrls(crls, at, checkX509Signature, untrusted),
  };
}

/** In base64 a certificate is a third longer. */
const CERTIFICATE_CHARS = 2 * CERTIFICATE_BYTES_MAX;

function certificatesOf(pems: readonly string[]): Certificate[] {
  return pems.flatMap((pem) => parsePem(pem, 'CERTIFICATE', CERTIFICATE_CHARS).map((der) => parseCertificate(der)));
}

function instantOf(text: string): UnixMs {
  const at = Date.parse(!text.includes('T') || /(?:[Zz]|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(at)) throw new Error(`time ${JSON.stringify(text)} of the case is none`);
  return at as UnixMs;
}

const NAME_KINDS: ReadonlyMap<string, PeerName['kind']> = new Map([
  ['DNS', 'dns'],
  ['IP', 'ip'],
  ['RFC822', 'email'],
]);

const EXTENDED_KEY_USAGES: ReadonlyMap<string, string> = new Map([
  ['anyExtendedKeyUsage', OID.anyExtendedKeyUsage],
  ['serverAuth', OID.serverAuth],
  ['clientAuth', OID.clientAuth],
  ['codeSigning', '1.3.6.1.5.5.7.3.3'],
  ['emailProtection', '1.3.6.1.5.5.7.3.4'],
  ['timeStamping', '1.3.6.1.5.5.7.3.8'],
  ['OCSPSigning', '1.3.6.1.5.5.7.3.9'],
]);

const KEY_USAGES: ReadonlyMap<string, number> = new Map([
  ...Object.entries(KEY_USAGE),
  ['contentCommitment', KEY_USAGE.nonRepudiation],
  ['cRLSign', KEY_USAGE.crlSign],
]);

function known<T>(table: ReadonlyMap<string, T>, name: string): T {
  const found = table.get(name);
  if (found === undefined) throw new Error(`unknown word ${JSON.stringify(name)} in the case`);
  return found;
}
