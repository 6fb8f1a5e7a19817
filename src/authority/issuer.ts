import type { Bytes } from '../base/bytes.ts';
import { bytesEqual } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { encodePem } from '../codec/pem.ts';
import type { Signer } from '../crypto/keys/signer.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import type { Certificate } from '../pki/x509/certificate/certificate.ts';
import { NodeLeaves } from '../pki/mesh/node-leaf.ts';

/** The issuing CA of a mesh: its certificate, the key behind it, and the anchor above it. */
export interface Issuer {
  readonly mesh: MeshName;
  readonly certificate: Certificate;
  readonly root: Certificate;
  readonly signer: Signer;
  /** What it issues to nodes. */
  readonly leaves: NodeLeaves;
  /** Hex of the SHA-256 of the issuing key: what its revocation lists are counted under. */
  readonly keyHash: string;
  /** Enough for `curl --cacert`. */
  readonly rootPem: string;
  /** Intermediate and root: `openssl verify -CAfile` wants both for a bare leaf. */
  readonly caPem: string;
}

/** @throws ERR_STATE_FOREIGN where the key is not the certificate's: files of two authorities were mixed. */
export function createIssuer(mesh: MeshName, certificate: Certificate, root: Certificate, signer: Signer): Issuer {
  if (!bytesEqual(certificate.spki, signer.spki))
    throw new MeshError('ERR_STATE_FOREIGN', 'the issuing key does not belong to the issuing certificate');
  const rootPem = pemOf(root.der);
  return {
    mesh,
    certificate,
    root,
    signer,
    leaves: new NodeLeaves(mesh, certificate),
    keyHash: certificate.keyHash,
    rootPem,
    caPem: pemOf(certificate.der) + rootPem,
  };
}

/** A leaf and its intermediate, as servers and clients present them. */
export function chainPem(issuer: Issuer, leaf: Bytes): string {
  return pemOf(leaf) + pemOf(issuer.certificate.der);
}

function pemOf(der: Bytes): string {
  return encodePem('CERTIFICATE', der);
}
