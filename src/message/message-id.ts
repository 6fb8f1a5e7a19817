import type { Brand } from '../base/brand.ts';
import { type Bytes, toHex } from '../base/bytes.ts';
import { MeshError, quoted } from '../base/errors.ts';
import { type NodeId, parseNodeId } from '../identity/node-id.ts';

/** `ORIGIN.INCARNATION.COUNTER`, decimal, without leading zeros (spec 03 section 2). */
export type MessageId = Brand<string, 'MessageId'>;

/**
 * `ORIGIN.INCARNATION`: everything that one start of one node says, numbered from 0. What its delegates say has streams
 * of its own, `ORIGIN~THUMBPRINT.INCARNATION`, so that keys that know nothing of each other cannot collide.
 */
export type StreamKey = Brand<string, 'StreamKey'>;

/** The stream of a node that signs with its certificate, `ORIGIN.INCARNATION`. */
export function streamKeyOf(origin: NodeId, incarnation: number): StreamKey {
  return `${origin}.${incarnation}` as StreamKey;
}

/** @param statementHash SHA-256 of the delegate statement, which names the key that signs. */
export function delegateStreamKeyOf(origin: NodeId, statementHash: Bytes, incarnation: number): StreamKey {
  return `${origin}~${toHex(statementHash.subarray(0, 8))}.${incarnation}` as StreamKey;
}

/** Whether a delegate says what is in it. */
export function isDelegateStream(stream: StreamKey): boolean {
  return stream.includes('~');
}

/** The stream of what this signer says. */
export function streamOf(
  { origin, voucherHash, delegate }: { origin: NodeId; voucherHash: Bytes; delegate?: unknown },
  incarnation: number,
): StreamKey {
  return delegate === undefined
    ? streamKeyOf(origin, incarnation)
    : delegateStreamKeyOf(origin, voucherHash, incarnation);
}

/**
 * `ORIGIN.INCARNATION.COUNTER`, as programs and people see it. Two contents may claim one id (T24): no key for a
 * table.
 */
export function messageIdOf(origin: NodeId, incarnation: number, counter: number): MessageId {
  return `${origin}.${incarnation}.${counter}` as MessageId;
}

const FORM = /^([a-z0-9-]{1,63})\.(0|[1-9][0-9]{0,15})\.(0|[1-9][0-9]{0,15})$/;

/** @throws ERR_INPUT for anything else than the one text form of an id. */
export function parseMessageId(text: string): { origin: NodeId; incarnation: number; counter: number } {
  const match = FORM.exec(text);
  const incarnation = Number(match?.[2]);
  const counter = Number(match?.[3]);
  if (match === null || !Number.isSafeInteger(incarnation) || !Number.isSafeInteger(counter))
    throw new MeshError('ERR_INPUT', `message id ${quoted(text)}, expected ORIGIN.INCARNATION.COUNTER`);
  return { origin: parseNodeId(match[1] as string), incarnation, counter };
}
