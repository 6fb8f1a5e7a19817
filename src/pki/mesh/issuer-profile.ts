import type { Bytes } from '../../base/bytes.ts';
import { type DerPart, utf8String } from '../../codec/der-writer.ts';
import { OID } from '../../codec/oid.ts';
import type { Signer } from '../../crypto/keys/signer.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { Certificate } from '../x509/certificate/certificate.ts';
import {
  authorityKeyIdentifier,
  basicConstraintsCa,
  datesOf,
  dnsName,
  keyIdOf,
  keyUsage,
  nameOf,
  permittedNames,
  signCertificate,
  subjectKeyIdentifier,
  uriName,
  type Validity,
} from '../x509/certificate/certificate-build.ts';
import { isDnsName } from '../x509/name/dns-name.ts';
import { KEY_USAGE } from '../x509/certificate/extensions.ts';

export interface RootRequest {
  readonly mesh: MeshName;
  /** 16 random octets. */
  readonly serial: Bytes;
  readonly validity: Validity;
}

export interface IntermediateRequest extends RootRequest {
  readonly issuer: Certificate;
  /** SubjectPublicKeyInfo of the new issuing key, DER. */
  readonly spki: Bytes;
  /**
   * Host names, outside the mesh's own domain, that the authority's server may be reached by. `localhost` is always
   * among them; addresses need no permission.
   */
  readonly authorityHosts?: readonly string[];
}

const CA_KEY_USAGE = keyUsage(KEY_USAGE.keyCertSign | KEY_USAGE.crlSign);

/** The mesh's trust anchor: self-signed, no path length, so that roots can cross-sign in a roll-over. DER. */
export async function buildRoot({ mesh, serial, validity }: RootRequest, signer: Signer): Promise<Bytes> {
  const name = issuerName(mesh, 'root', signer.spki);
  return signCertificate(
    {
      issuer: name,
      subject: name,
      spki: signer.spki,
      serial,
      ...datesOf(validity),
      extensions: [basicConstraintsCa(), CA_KEY_USAGE, subjectKeyIdentifier(keyIdOf(signer.spki))],
    },
    signer,
  );
}

/**
 * The issuing CA under the root. It may issue leaves only, and only for DNS names below the mesh's name, the hosts of
 * its authority, and URIs of the mesh: a stolen issuing key speaks for nothing else. IP addresses and otherNames are
 * left free, because openssl refuses chains that constrain them. DER.
 *
 * @param signer The root's.
 * @throws RangeError for a host that is no DNS name.
 */
export async function buildIntermediate(request: IntermediateRequest, signer: Signer): Promise<Bytes> {
  const { mesh, serial, validity, issuer, spki, authorityHosts = [] } = request;
  const hosts = [...new Set(['localhost', ...authorityHosts.map((host) => host.toLowerCase())])];
  for (const host of hosts) if (!isDnsName(host)) throw new RangeError('authorityHosts: expected DNS names');
  return signCertificate(
    {
      issuer: issuer.subject.der,
      subject: issuerName(mesh, 'issuing CA', spki),
      spki,
      serial,
      ...datesOf(validity, issuer),
      extensions: [
        basicConstraintsCa(0),
        CA_KEY_USAGE,
        permittedNames(dnsName(mesh), ...hosts.map(dnsName), uriName(mesh)),
        subjectKeyIdentifier(keyIdOf(spki)),
        authorityKeyIdentifier(issuer),
      ],
    },
    signer,
  );
}

/** The key's identifier is in the name, so that two generations of one mesh never share one. */
function issuerName(mesh: MeshName, kind: string, spki: Bytes): DerPart {
  const commonName = `${mesh} ${kind} ${keyIdOf(spki).subarray(0, 4).toHex()}`;
  return nameOf([OID.organization, utf8String(mesh)], [OID.commonName, utf8String(commonName)]);
}
