import { messageOf } from '../../base/errors.ts';
import { Multicast } from '../../host/node/multicast.ts';
import type { NodeHost } from '../../host/node/node-host.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import type { TlsIdentity } from '../../host/tls/server-options.ts';
import { parseNodeId } from '../../identity/node-id.ts';
import { type Address, parseAddress } from '../../message/payloads/address.ts';
import { announcementTag } from '../../message/announcement.ts';
import { authorityNames } from '../../pki/mesh/mesh-names.ts';
import { AuthorityContact } from './authority-contact.ts';
import type { EnrolledNode } from './enrolled-node.ts';
import type { Log } from '../log.ts';
import { multicastInterfacesOf } from './addresses.ts';
import type { NodeConfig } from './config.ts';
import { programVersion } from '../version.ts';

/** Places to look for peers that the node knows from the start: of its enrolment, and of its configuration. */
export function tellBootstrapPeers(
  host: NodeHost,
  { config: enrolment }: EnrolledNode,
  config: NodeConfig,
  log: Log,
): void {
  for (const { node_id, address } of enrolment.bootstrap_peers) addCandidate(host, log, 'bootstrap', address, node_id);
  for (const address of config.bootstrap) addCandidate(host, log, 'bootstrap', address, undefined);
}

export interface ContactParts {
  readonly identity: TlsIdentity;
  readonly host: NodeHost;
  readonly addresses: readonly Address[];
  readonly log: Log;
}

/** The node's talk with its authority, for as long as it runs. */
export function contactAuthority(
  enrolled: EnrolledNode,
  config: NodeConfig,
  { identity, host, addresses, log }: ContactParts,
): AuthorityContact {
  const issuerKeyHash = enrolled.chain[1]?.keyHash;
  return new AuthorityContact({
    target: {
      tag: 'tls',
      endpoint: enrolled.endpoint,
      trustAnchors: [enrolled.rootPem],
      serverName: authorityNames(enrolled.mesh).dns,
      client: identity,
    },
    crlUrl: enrolled.config.crl_url,
    intervalMs: config.crl_poll,
    version: programVersion(),
    log,
    address: () => addresses[0],
    crlNumber: () => host.node.crls().find((crl) => crl.issuerKeyHash === issuerKeyHash)?.number ?? 0,
    isAlone: () => host.node.links.length === 0,
    onCrl: (der) => host.installCrl(der),
    onPeers: (peers) => {
      for (const { node_id, address } of peers) addCandidate(host, log, 'authority', address, node_id);
    },
  });
}

/** A network without multicast is no reason not to run. */
export async function openMulticast(
  host: NodeHost,
  listenHost: string,
  port: number,
  log: Log,
): Promise<Multicast | undefined> {
  const onTrouble = (error: unknown): void => log.debug({ reason: messageOf(error) }, 'multicast');
  try {
    return await Multicast.open({
      announcement: { tag: announcementTag(host.node.mesh, host.node.self), port },
      interfaces: multicastInterfacesOf(listenHost),
      clock: systemClock,
      random: systemRandom,
      onHeard: (address) => host.handleCandidate({ address, source: 'multicast' }),
      onTrouble,
    });
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'no multicast here; peers are found by other ways');
    return undefined;
  }
}

/** What others tell of places is taken one by one: a bad one does not spoil the rest. */
function addCandidate(
  host: NodeHost,
  log: Log,
  source: 'bootstrap' | 'authority',
  address: string,
  nodeId: string | undefined,
): void {
  try {
    host.handleCandidate({
      address: parseAddress(address),
      source,
      ...(nodeId === undefined ? {} : { nodeId: parseNodeId(nodeId) }),
    });
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'a place to look for peers is none');
  }
}
