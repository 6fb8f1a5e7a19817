import { HOUR_MS, type UnixMs } from '../../base/time.ts';
import { type Address, parseAddress } from '../../message/payloads/address.ts';
import type { AuthorityTransaction } from '../../ports/authority-store.ts';
import { type Random, sample } from '../../ports/random.ts';
import type { AuthorityCore } from '../core.ts';

/** A node and where it said that it can be reached: a hint for who joins, never a proof. */
export interface PeerHint {
  readonly nodeId: string;
  readonly address: Address;
}

/** Peers named at once: enough that some are up, few enough to read. */
export const BOOTSTRAP_PEERS_TOLD = 8;

/** Nodes that were not heard of for this long are not worth a dial. */
const SEEN_WITHIN_MS = 24 * HOUR_MS;

/** Latest sightings from which the peers are drawn, so that not all newcomers meet at the same eight. */
export const CANDIDATES_MAX = 64;

/** What a node says of itself, proved by its client certificate. */
export interface CheckIn {
  readonly nodeId: string;
  readonly address: string | undefined;
  /** Number of the newest revocation list that it enforces; 0 for none. */
  readonly crlNumber: number;
  readonly version: string;
}

/** Writes down what the node said, and tells it what it may not know. @throws ERR_INPUT for a bad address. */
export async function checkIn(
  core: AuthorityCore,
  said: CheckIn,
): Promise<{ readonly crlNumber: number; readonly peers: readonly PeerHint[] }> {
  const address = said.address === undefined ? undefined : parseAddress(said.address);
  const now = core.clock.wall();
  const peers = await core.store.transact(async (tx) => {
    await tx.putSighting({
      nodeId: said.nodeId,
      seenAt: now,
      address,
      crlNumber: said.crlNumber,
      version: said.version,
    });
    return bootstrapPeers(tx, core.random, now, said.nodeId);
  });
  return { crlNumber: core.crls.current.number, peers };
}

/** Some nodes that were lately seen and are not shut out; another choice each time. */
export async function bootstrapPeers(
  tx: AuthorityTransaction,
  random: Random,
  now: UnixMs,
  except?: string,
): Promise<readonly PeerHint[]> {
  const reachable = await tx.listReachable((now - SEEN_WITHIN_MS) as UnixMs, now, CANDIDATES_MAX);
  const peers = reachable.flatMap(({ nodeId, address }) =>
    address === undefined || nodeId === except ? [] : [{ nodeId, address: parseAddress(address) }],
  );
  return sample(random, peers, BOOTSTRAP_PEERS_TOLD);
}
