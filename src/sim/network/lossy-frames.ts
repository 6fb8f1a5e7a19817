import { type Bytes, concatBytes } from '../../base/bytes.ts';
import type { FrameTag } from '../../engine/links/frame.ts';
import { decodeFrame, encodeFrame } from '../../engine/links/frame-codec.ts';
import { FrameSplitter } from '../../engine/links/frame-splitter.ts';
import type { SeededRandom } from '../seeded-random.ts';

/** What carries news or asks for it: the pushes and pulls of gossip, and what CRLs are announced with. */
const LOSSY_FRAMES: ReadonlySet<FrameTag> = new Set(['message', 'have', 'pull', 'crls']);

/** What is left of a piece of a frame stream. */
export interface Remains {
  readonly bytes: Bytes | undefined;
  /** A grant to the sender for the messages that were lost; `undefined` where none was. */
  readonly credit: Bytes | undefined;
}

/**
 * Loses each push and each pull with the given chance.
 *
 * A TLS link loses no bytes; what is lost in the field is what a queue sheds, a budget refuses or a busy peer never comes
 * to. So whole frames are lost here, of those that begin something; what answers a question comes through. The stream
 * stays well formed, and the sender is granted again what a lost message cost, as it would be by a receiver that took
 * the message and dropped it.
 *
 * @param piece whole frames.
 */
export function loseFrames(piece: Bytes, lossRatio: number, random: SeededRandom): Remains {
  const kept: Bytes[] = [];
  let lostMessageBytes = 0;
  let start = 0;
  for (const body of new FrameSplitter().push(piece)) {
    const end = body.byteOffset - piece.byteOffset + body.length;
    const frame = decodeFrame(body);
    if (!LOSSY_FRAMES.has(frame.tag) || !random.chance(lossRatio)) kept.push(piece.subarray(start, end));
    else if (frame.tag === 'message') lostMessageBytes += frame.bytes.length;
    start = end;
  }
  return {
    bytes: kept.length === 0 ? undefined : concatBytes(...kept),
    credit: lostMessageBytes === 0 ? undefined : encodeFrame({ tag: 'credit', bytes: lostMessageBytes }),
  };
}
