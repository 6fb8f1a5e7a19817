import { type Bytes, concatBytes, toBase64Url } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { after, HOUR_MS, type UnixMs } from '../../base/time.ts';
import { sha256Hex } from '../../crypto/hash.ts';
import { ADMINISTRATOR_ROLE, parseRole, type Role, ROLES_MAX } from '../../identity/capability.ts';
import { isKeyDerivedNodeId, isWalletNodeId, type NodeId, parseNodeId } from '../../identity/node-id.ts';
import type { TicketRow } from '../../ports/authority/tickets.ts';
import type { AuthorityTransaction } from '../../ports/authority-store.ts';
import type { Random } from '../../ports/random.ts';

/** Random octets of a token: nobody guesses 256 bits, at whatever rate. */
const TOKEN_RANDOM_BYTES = 32;

/** `epoch(4, BE) ‖ random(32)` as URL-safe base64. */
const TOKEN_FORM = /^[A-Za-z0-9_-]{48}$/;

/** Life of a ticket where the operator names none: long enough to walk to the machine, too short to be forgotten. */
export const TICKET_LIFE_MS_DEFAULT = HOUR_MS;

/** What an operator may ask of a ticket, checked. */
export interface TicketWish {
  readonly nodeId: NodeId | undefined;
  readonly rebind: boolean;
  readonly roles: readonly Role[];
  readonly lifeMs: number;
  readonly usesMax: number;
}

/** @throws ERR_NODE_ID, ERR_INPUT for a name or role that no ticket may grant. */
export function checkTicketWish(wish: {
  readonly nodeId: string | undefined;
  readonly rebind: boolean;
  readonly roles: readonly string[];
  readonly lifeMs: number;
  readonly usesMax: number;
}): TicketWish {
  const { nodeId, rebind, lifeMs, usesMax } = wish;
  if (nodeId !== undefined && usesMax !== 1)
    throw new MeshError('ERR_USAGE', 'a ticket for one node id has one use', 'leave out --uses or --node-id');
  if (nodeId !== undefined && isKeyDerivedNodeId(nodeId))
    throw new MeshError('ERR_NODE_ID', 'a node id of 52 characters belongs to its key; no ticket grants it');
  if (nodeId !== undefined && isWalletNodeId(nodeId))
    throw new MeshError('ERR_NODE_ID', 'an address belongs to its wallet; no ticket grants it');
  if (rebind && nodeId === undefined) throw new MeshError('ERR_USAGE', 'to bind anew, name the node with --node-id');
  const roles = [...new Set(wish.roles)].sort().map(parseRole);
  if (roles.length > ROLES_MAX) throw new MeshError('ERR_INPUT', `a ticket grants at most ${ROLES_MAX} roles`);
  if (roles.includes(ADMINISTRATOR_ROLE))
    throw new MeshError('ERR_INPUT', 'a ticket does not make administrators', 'use: chainmail admin add NAME');
  return { nodeId: nodeId === undefined ? undefined : parseNodeId(nodeId), rebind, roles, lifeMs, usesMax };
}

/** A new token, to be shown once, and the row that is kept of it. */
export function makeTicket(
  random: Random,
  epoch: number,
  now: UnixMs,
  wish: TicketWish,
): { token: string; row: TicketRow } {
  const token = toBase64Url(concatBytes(uint32(epoch), random.bytes(TOKEN_RANDOM_BYTES)));
  const row: TicketRow = {
    tokenHash: sha256Hex(token),
    epoch,
    createdAt: now,
    expiresAt: after(now, wish.lifeMs),
    usesMax: wish.usesMax,
    usesSpent: 0,
    nodeId: wish.nodeId,
    rebind: wish.rebind,
    roles: wish.roles,
    cancelledAt: undefined,
  };
  return { token, row };
}

export type TicketStatus = 'open' | 'spent' | 'expired' | 'cancelled' | 'void';

/** What a ticket is good for now: what lists show of it, and what it is refused for. */
export function ticketStatusOf(row: TicketRow, epoch: number, now: UnixMs): TicketStatus {
  // Of before a restore: the store may have forgotten that it was spent (T7), so nothing else that it says of it counts.
  if (row.epoch !== epoch) return 'void';
  if (row.cancelledAt !== undefined) return 'cancelled';
  if (row.usesSpent >= row.usesMax) return 'spent';
  return now < row.expiresAt ? 'open' : 'expired';
}

/**
 * Why a token buys nothing. The audit log is told; over the network there is one refusal for all of them, so that a
 * guesser learns nothing (T7).
 */
export type TicketRefusal = 'malformed' | 'unknown' | Exclude<TicketStatus, 'open'>;

/** A token that was made here. `again`: good only for a key that has redeemed it before. */
export type TicketFinding =
  | { readonly tag: 'good'; readonly row: TicketRow }
  | { readonly tag: 'again'; readonly row: TicketRow; readonly reason: 'expired' | 'spent' }
  | { readonly tag: 'refused'; readonly reason: TicketRefusal; readonly row: TicketRow | undefined };

/**
 * Judges a token by itself, before anything else that was sent is looked at (T16).
 * @param tokenHash see {@link tokenHashOf}.
 */
export async function findTicket(
  tx: AuthorityTransaction,
  tokenHash: string | undefined,
  epoch: number,
  now: UnixMs,
): Promise<TicketFinding> {
  if (tokenHash === undefined) return { tag: 'refused', reason: 'malformed', row: undefined };
  // The look-up is by hash, so its time tells nothing about the tokens that exist.
  const row = await tx.findTicket(tokenHash);
  if (row === undefined) return { tag: 'refused', reason: 'unknown', row };
  const status = ticketStatusOf(row, epoch, now);
  switch (status) {
    case 'open':
      return { tag: 'good', row };
    case 'void':
    case 'cancelled':
      return { tag: 'refused', reason: status, row };
    case 'spent':
    case 'expired':
      return row.usesSpent === 0 ? { tag: 'refused', reason: status, row } : { tag: 'again', reason: status, row };
  }
}

/** The short name of a ticket for lists, logs and `ticket cancel`: it gives nothing away of the token. */
export function ticketIdOf(row: Pick<TicketRow, 'tokenHash'>): string {
  return row.tokenHash.slice(0, TICKET_ID_CHARS);
}

/** 64 bits of hash: no two tickets of one authority meet. */
export const TICKET_ID_CHARS = 16;

/** Hex of the SHA-256 of the token's text; `undefined` for what is no token of any authority. */
export function tokenHashOf(token: string): string | undefined {
  return TOKEN_FORM.test(token) ? sha256Hex(token) : undefined;
}

function uint32(value: number): Bytes {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
