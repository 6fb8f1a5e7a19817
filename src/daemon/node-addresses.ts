import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { HELLO_ADDRESSES_MAX } from '../engine/frame.ts';
import { type Address, formatAddress, parseAddress } from '../message/address.ts';
import type { NodeConfig } from './node-config.ts';

/** Where others reach a node that listens on this host: as configured, the address itself, or those of all interfaces. */
export function addressesOf(
  { advertise }: Pick<NodeConfig, 'advertise'>,
  host: string,
  port: number,
): readonly Address[] {
  if (advertise !== undefined) return advertise.map(parseAddress);
  if (!isWildcard(host)) return [formatAddress(host, port)];
  const families = host === '::' ? ['IPv4', 'IPv6'] : ['IPv4'];
  return outerInterfaces(families)
    .slice(0, HELLO_ADDRESSES_MAX)
    .map(({ address }) => formatAddress(address, port));
}

/** IPv4 addresses of the interfaces on which a node that listens on this host can be reached. */
export function multicastInterfacesOf(host: string): readonly string[] {
  if (isWildcard(host)) return outerInterfaces(['IPv4']).map(({ address }) => address);
  return host.includes(':') ? [] : [host];
}

/** Interfaces that lead out of this machine; where there are none, those that do not. */
function outerInterfaces(families: readonly string[]): readonly NetworkInterfaceInfo[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const usable = all.filter(({ address, family }) => families.includes(family) && !address.startsWith('fe80'));
  const outer = usable.filter(({ internal }) => !internal);
  return outer.length > 0 ? outer : usable;
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
