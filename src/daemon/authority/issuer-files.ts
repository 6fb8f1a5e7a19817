import { createIssuer, type Issuer } from '../../authority/issuer.ts';
import { bytesEqual } from '../../base/bytes.ts';
import { isMeshError, MeshError, messageOf, quotedPath } from '../../base/errors.ts';
import { DAY_MS } from '../../base/time.ts';
import type { Secret } from '../../crypto/secret.ts';
import type { Signer } from '../../crypto/keys/signer.ts';
import { checkX509Signature } from '../../crypto/signatures/x509-signature.ts';
import { MODE_PUBLIC, writeFileAtomic } from '../../host/files/atomic-file.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import { type Certificate, parseCertificate, parseCertificatesPem } from '../../pki/x509/certificate/certificate.ts';
import { SERIAL_RANDOM_BYTES } from '../../pki/x509/certificate/certificate-build.ts';
import { buildIntermediate, buildRoot } from '../../pki/mesh/issuer-profile.ts';
import type { KeyStore } from '../../ports/key-store.ts';
import { type AuthorityLayout, readStateFile } from '../directory.ts';
import { holdsKey, openKeys } from '../keys.ts';

/** Lives of the two issuers. Nothing replaces either, so the issuer's end is the mesh's. */
const ROOT_LIFE_MS = 7_305 * DAY_MS;
const ISSUER_LIFE_MS = 1_826 * DAY_MS;

/**
 * Makes root and issuing certificate and writes them, with keys that are made where they are not there yet.
 * @param hostNames of the authority's own server: the issuing certificate permits no others.
 */
export async function makeIssuer(
  layout: AuthorityLayout,
  mesh: MeshName,
  hostNames: readonly string[],
  passphrase: Secret,
): Promise<Issuer> {
  const rootKeys = await openKeys(layout.root, passphrase);
  const keys = await openKeys(layout.keys, passphrase);
  const rootSigner = await openOrGenerate(rootKeys, 'root');
  const signer = await openOrGenerate(keys, 'issuer');
  const issuedAt = systemClock.wall();
  const serial = (): Uint8Array => systemRandom.bytes(SERIAL_RANDOM_BYTES);
  const root = parseCertificate(
    await buildRoot({ mesh, serial: serial(), validity: { issuedAt, lifeMs: ROOT_LIFE_MS } }, rootSigner),
  );
  const certificate = parseCertificate(
    await buildIntermediate(
      {
        mesh,
        serial: serial(),
        validity: { issuedAt, lifeMs: ISSUER_LIFE_MS },
        issuer: root,
        spki: signer.spki,
        authorityHosts: hostNames,
      },
      rootSigner,
    ),
  );
  const issuer = createIssuer(mesh, certificate, root, signer);
  writeFileAtomic(layout.rootCertificate, issuer.rootPem, MODE_PUBLIC);
  writeFileAtomic(layout.caCertificates, issuer.caPem, MODE_PUBLIC);
  return issuer;
}

/**
 * Reads what {@link makeIssuer} wrote, and holds each file against the others.
 * @throws ERR_STATE_CORRUPT, ERR_STATE_FOREIGN, ERR_KEY_MISSING, each naming the file.
 */
export async function loadIssuer(layout: AuthorityLayout, mesh: MeshName, keys: KeyStore): Promise<Issuer> {
  const { certificate, root } = readIssuerCertificates(layout);
  return createIssuer(mesh, certificate, root, await openIssuerKey(layout, keys));
}

/** @throws as {@link loadIssuer} */
export async function openIssuerKey(layout: AuthorityLayout, keys: KeyStore): Promise<Signer> {
  const { certificate } = readIssuerCertificates(layout);
  const signer = await keys.open('issuer');
  if (!bytesEqual(signer.spki, certificate.spki))
    throw new MeshError(
      'ERR_STATE_FOREIGN',
      `the key in ${quotedPath(keys.whereIs('issuer'))} does not belong to the intermediate in ${quotedPath(layout.caCertificates)}`,
      'files of two authorities were mixed: restore both from one backup',
    );
  return signer;
}

/**
 * Opens the sealed root key and holds it against the trust anchor. Nothing that runs needs it, so nothing else would
 * notice that it has rotted until it is needed.
 * @returns where it is, for people; `undefined` where it is not in the directory: it may be kept elsewhere.
 * @throws ERR_STATE_CORRUPT, ERR_STATE_FOREIGN, ERR_PASSPHRASE_WRONG
 */
export async function checkRootKey(layout: AuthorityLayout, passphrase: Secret): Promise<string | undefined> {
  const { root: folder, rootCertificate } = layout;
  if (!holdsKey(folder, 'root')) return undefined;
  const { root } = readIssuerCertificates(layout);
  const keys = await openKeys(folder, passphrase);
  if (!bytesEqual((await keys.open('root')).spki, root.spki))
    throw new MeshError(
      'ERR_STATE_FOREIGN',
      `the key in ${quotedPath(keys.whereIs('root'))} does not belong to the root in ${quotedPath(rootCertificate)}`,
      'files of two authorities were mixed: restore both from one backup',
    );
  return keys.whereIs('root');
}

/**
 * The certificates of an authority. One whose trust anchor has rotted unseen would hand out tickets that nobody can use.
 * @throws ERR_STATE_CORRUPT naming the file.
 */
export function readIssuerCertificates({ caCertificates, rootCertificate }: AuthorityLayout): {
  readonly certificate: Certificate;
  readonly root: Certificate;
} {
  const [certificate, root] = readCertificates(caCertificates);
  if (certificate === undefined || root === undefined)
    throw damaged(caCertificates, 'it does not hold intermediate and root', rootCertificate);
  const [anchor] = readCertificates(rootCertificate, caCertificates);
  if (!isSignedBy(root, root)) throw damaged(caCertificates, 'the signature of its root is wrong');
  if (!isSignedBy(certificate, root)) throw damaged(caCertificates, 'its root did not sign its intermediate');
  if (anchor === undefined || !bytesEqual(anchor.der, root.der))
    throw damaged(rootCertificate, `it is not the root in ${quotedPath(caCertificates)}`, caCertificates);
  return { certificate, root };
}

/** @param copyIn where else what is in the file can be found. */
function readCertificates(path: string, copyIn?: string): Certificate[] {
  const text = readStateFile(path);
  try {
    return parseCertificatesPem(text);
  } catch (error) {
    if (!isMeshError(error)) throw error;
    throw damaged(path, messageOf(error), copyIn);
  }
}

function damaged(path: string, what: string, copyIn?: string): MeshError {
  const copy = copyIn === undefined ? '' : `; the root is also the last certificate in ${copyIn}, and in each ticket`;
  return new MeshError(
    'ERR_STATE_CORRUPT',
    `state file ${quotedPath(path)} is damaged: ${what}`,
    `restore ${path} from a backup${copy}`,
  );
}

function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  return checkX509Signature(certificate.signatureAlgorithm, issuer.spki, certificate.tbs, certificate.signature);
}

async function openOrGenerate(keys: KeyStore, name: 'root' | 'issuer') {
  return (await keys.has(name)) ? keys.open(name) : keys.generate(name);
}
