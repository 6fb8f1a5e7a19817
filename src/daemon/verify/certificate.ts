import { isMeshError, MeshError } from '../../base/errors.ts';
import { toRfc3339 } from '../../base/time.ts';
import { checkX509Signature } from '../../crypto/signatures/x509-signature.ts';
import { type MeshName, parseMeshName } from '../../identity/mesh-name.ts';
import { type Certificate, parseCertificate, parseCertificatesPem } from '../../pki/x509/certificate/certificate.ts';
import { type Crl, isCrlOf, verifyCrl } from '../../pki/x509/crl/crl.ts';
import { revocationFromCrls } from '../../pki/path/crl-revocation.ts';
import { judgePath, type Trust } from '../../pki/mesh/judge.ts';
import { validatePath } from '../../pki/path/path.ts';
import { describe } from '../../pki/path/path-result.ts';
import { RevocationView } from '../../pki/mesh/revocation-view.ts';
import type { Recognised } from './recognise.ts';
import { type FileVerdict, pathError, type VerifyContext, verdictOf } from './verdict.ts';

/** A certificate or a chain, leaf first. */
export function verifyCertificate({ text, bytes }: Recognised, context: VerifyContext): FileVerdict {
  let chain: readonly Certificate[] = [];
  const parsed = verdictOf('certificate', {}, () => {
    chain = text === undefined ? [parseCertificate(bytes)] : parseCertificatesPem(text);
  });
  const [leaf] = chain;
  if (leaf === undefined) return parsed;
  const holder = holderOf(leaf);
  const mesh = context.mesh ?? holder?.mesh;
  const profile = holder === undefined || mesh === undefined ? 'rfc5280' : 'mesh';
  const facts = { profile, ...(mesh === undefined ? {} : { mesh }), ...factsOf(leaf), certificates: chain.length };
  return verdictOf('certificate', facts, () => {
    requireAnchors(chain, context);
    if (holder === undefined || mesh === undefined) return requirePath(chain, context);
    const view = revocationView(context);
    const trust: Trust = { mesh, anchors: context.anchors, checkSignature: checkX509Signature };
    const all = [...chain, ...context.others];
    const judged =
      holder.role === 'node'
        ? judgePath(all, view, context.now, 'tls-server', trust)
        : holder.role === 'authority'
          ? judgePath(all, view, context.now, 'authority', trust)
          : judgePath(all, view, context.now, 'administrator', trust);
    if (judged.tag === 'refused') throw pathError(judged);
  });
}

/** Plain RFC 5280, for certificates that are no member's. @throws ERR_PATH_... */
export function requirePath([leaf, ...more]: readonly Certificate[], context: VerifyContext): void {
  if (leaf === undefined) throw new MeshError('ERR_PATH_EMPTY', 'there is no certificate');
  const isAnchor = context.anchors.some(({ fingerprintHex }) => fingerprintHex === leaf.fingerprintHex);
  const untrusted = isAnchor ? [] : [...more, ...context.others];
  const result = validatePath({
    leaf,
    untrusted,
    anchors: context.anchors,
    at: context.now,
    checkSignature: checkX509Signature,
    checkRevocation: revocationFromCrls(context.crls, context.now, checkX509Signature, untrusted),
  });
  if (result.tag === 'refused') throw pathError(result);
}

/** The mesh that a member's certificate speaks for, as it claims; `undefined` for a CA and for strangers' certificates. */
export function meshOf(leaf: Certificate): MeshName | undefined {
  return holderOf(leaf)?.mesh;
}

interface Holder {
  readonly mesh: MeshName;
  readonly role: 'node' | 'authority' | 'admin';
}

function holderOf(leaf: Certificate): Holder | undefined {
  for (const name of leaf.extensions.subjectAltName ?? []) {
    const match =
      name.tag === 'uri' ? /^spiffe:\/\/([^/]{1,63})\/(node|authority|admin)(?:\/|$)/.exec(name.value) : null;
    if (match === null) continue;
    try {
      return { mesh: parseMeshName(match[1] as string), role: match[2] as Holder['role'] };
    } catch (error) {
      if (!isMeshError(error)) throw error;
    }
  }
  return undefined;
}

/** Without anybody who vouches, still says what is wrong by itself. */
function requireAnchors(chain: readonly Certificate[], context: VerifyContext): void {
  if (context.anchors.length > 0) return;
  const [leaf] = chain as [Certificate];
  if (leaf.notAfter < context.now) throw new MeshError('ERR_PATH_EXPIRED', `${describe(leaf)} expired`);
  if (leaf.notBefore > context.now) throw new MeshError('ERR_PATH_NOT_YET_VALID', `${describe(leaf)} is not yet valid`);
  throw new MeshError(
    'ERR_PATH_NO_ANCHOR',
    'nobody is named who would vouch for it',
    'give the trust anchor: --ca FILE',
  );
}

/** The lists that were handed over, each checked with the key of its issuer. @throws ERR_CRL for one that does not hold. */
function revocationView({ crls, others, anchors }: VerifyContext): RevocationView {
  const view = new RevocationView();
  for (const crl of crls) view.install(crl, issuerOfCrl(crl, [...anchors, ...others]), checkX509Signature);
  return view;
}

/** @throws ERR_CRL where nobody at hand has signed it. */
export function issuerOfCrl(crl: Crl, candidates: readonly Certificate[]): Certificate {
  const issuers = candidates.filter((candidate) => isCrlOf(crl, candidate));
  if (issuers.length === 0)
    throw new MeshError(
      'ERR_CRL',
      'the issuer of the CRL is not among the certificates given',
      'give it with --ca FILE',
    );
  const issuer = issuers.find((candidate) => verifyCrl(crl, candidate, checkX509Signature));
  if (issuer === undefined) throw new MeshError('ERR_CRL', 'the signature of the CRL is wrong');
  return issuer;
}

function factsOf(leaf: Certificate): object {
  return {
    subject: leaf.subject.text,
    issuer: leaf.issuer.text,
    serial: leaf.serial,
    not_before: toRfc3339(leaf.notBefore),
    not_after: toRfc3339(leaf.notAfter),
    is_ca: leaf.isCa,
    names: (leaf.extensions.subjectAltName ?? []).flatMap((name) =>
      'value' in name && typeof name.value === 'string' ? [name.value] : [],
    ),
    sha256: leaf.fingerprintHex,
  };
}
