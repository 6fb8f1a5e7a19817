import type { Bytes } from '../../base/bytes.ts';
import { type DerPart, utf8String } from '../../codec/der-writer.ts';
import { OID } from '../../codec/oid.ts';
import type { Signer } from '../../crypto/keys/signer.ts';
import { ADMINISTRATOR_ROLE, type Role } from '../../identity/capability.ts';
import type { Certificate } from '../x509/certificate/certificate.ts';
import {
  authorityKeyIdentifier,
  datesOf,
  dnsName,
  extendedKeyUsage,
  ipName,
  keyIdOf,
  nameOf,
  signCertificate,
  subjectAltName,
  subjectKeyIdentifier,
  uriName,
} from '../x509/certificate/certificate-build.ts';
import { isDnsName } from '../x509/name/dns-name.ts';
import { parseIpAddress } from '../x509/name/ip-address.ts';
import { type AdministratorName, administratorUri, authorityNames } from './mesh-names.ts';
import { grantsExtension, type LeafBasics, SIGNS_ONLY } from './node-leaf.ts';

export interface ServerLeafRequest extends LeafBasics {
  /** Host names and IP addresses at which the authority listens. */
  readonly hosts: readonly string[];
}

export interface AdministratorLeafRequest extends LeafBasics {
  readonly name: AdministratorName;
  /** Beside `administrator`, which is always among them. */
  readonly roles?: readonly Role[];
}

const SERVER_USAGES = extendedKeyUsage(OID.serverAuth);
const ADMINISTRATOR_USAGES = extendedKeyUsage(OID.clientAuth);

/**
 * The authority's own server certificate: `authority.MESH` and each host and address that it listens on, so that
 * `curl --cacert root.pem` accepts it by all of them. Grants nothing. DER.
 *
 * @throws RangeError for a host that is neither, or that the issuer's name constraints do not permit: it has to be named
 *   when the issuer is made.
 */
export async function buildServerLeaf(request: ServerLeafRequest, signer: Signer): Promise<Bytes> {
  const { mesh, hosts, issuer } = request;
  const { uri, dns } = authorityNames(mesh);
  const names = new Map([[dns, dnsName(dns)]]);
  for (const host of hosts.map((text) => text.toLowerCase())) {
    const octets = parseIpAddress(host);
    if (octets === undefined && !isPermittedHost(host, issuer))
      throw new RangeError(
        `hosts: ${JSON.stringify(host.slice(0, 80))} is no address, and no name that the issuer may certify`,
      );
    names.set(host, octets === undefined ? dnsName(host) : ipName(octets));
  }
  return signLeaf(request, signer, dns, SERVER_USAGES, [subjectAltName(uriName(uri), ...names.values())]);
}

/** An administrator's client certificate: TLS client only, no DNS name, no node's URI. DER. */
export async function buildAdministratorLeaf(request: AdministratorLeafRequest, signer: Signer): Promise<Bytes> {
  const { mesh, name, roles = [] } = request;
  return signLeaf(request, signer, name, ADMINISTRATOR_USAGES, [
    subjectAltName(uriName(administratorUri(mesh, name))),
    grantsExtension({ roles: [...new Set([ADMINISTRATOR_ROLE, ...roles])], capabilities: [] }),
  ]);
}

function signLeaf(
  { spki, serial, validity, issuer }: LeafBasics,
  signer: Signer,
  commonName: string,
  usages: DerPart,
  own: readonly DerPart[],
): Promise<Bytes> {
  return signCertificate(
    {
      issuer: issuer.subject.der,
      subject: nameOf([OID.commonName, utf8String(commonName)]),
      spki,
      serial,
      ...datesOf(validity, issuer),
      extensions: [SIGNS_ONLY, usages, subjectKeyIdentifier(keyIdOf(spki)), authorityKeyIdentifier(issuer), ...own],
    },
    signer,
  );
}

function isPermittedHost(host: string, { extensions }: Certificate): boolean {
  const permitted = extensions.nameConstraints?.permitted ?? [];
  return (
    isDnsName(host) &&
    permitted.some((base) => base.tag === 'dns' && (host === base.value || host.endsWith(`.${base.value}`)))
  );
}
