import { isIP } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { MeshError, quoted } from '../../base/errors.ts';
import { isDnsName } from '../../pki/x509/name/dns-name.ts';

/** Addresses of all interfaces of this machine, without the zone that `fe80::1%eth0` has. */
function allInterfaces(): readonly NetworkInterfaceInfo[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .map((found) => ({ ...found, address: found.address.split('%', 1)[0] as string }));
}

/** A host name or address, as an operator writes it. @throws ERR_INPUT */
export function parseHost(text: string): string {
  if (isIP(text) === 0 && !isDnsName(text))
    throw new MeshError('ERR_INPUT', `host ${quoted(text)} is neither a DNS name nor an address`);
  return text;
}

/** Every address by which this machine may be called. */
export function allAddresses(): readonly string[] {
  return allInterfaces().map(({ address }) => address);
}

/** Addresses that lead out of this machine; where there are none, those that do not. Link-local ones need a zone: left out. */
export function outerAddresses(families: readonly ('IPv4' | 'IPv6')[]): readonly string[] {
  const usable = allInterfaces().filter(
    ({ address, family }) => families.includes(family) && !address.startsWith('fe80'),
  );
  const outer = usable.filter(({ internal }) => !internal);
  return (outer.length > 0 ? outer : usable).map(({ address }) => address);
}

/** Whether a host means every address of the machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** By which host this machine calls what listens there. */
export function hostFromHere(listenHost: string): string {
  if (listenHost === '0.0.0.0') return '127.0.0.1';
  return listenHost === '::' ? '::1' : listenHost;
}

/** Whether nobody but this machine can call there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
