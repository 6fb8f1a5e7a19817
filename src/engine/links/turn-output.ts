import type { Bytes } from '../../base/bytes.ts';
import { messageFrameBytes, putMessageFrame } from './frame-codec.ts';

/**
 * Bytes written to one peer in one turn, beyond which more of its questions stay unanswered: small ones can have answers a
 * thousand times as large, and thousands come in one piece, before the socket can tell that nobody reads. An honest peer
 * asks again.
 */
export const TURN_BYTES_MAX = 1024 * 1024;

/** What is to be written to one peer at the end of a turn, put together once. */
export class TurnOutput {
  readonly #begun: () => void;
  /** Frames, and messages without theirs, each marked. */
  #parts: Bytes[] = [];
  #isMessage: boolean[] = [];
  #bytes = 0;

  /** @param begun called when the first part comes. */
  constructor(begun: () => void) {
    this.#begun = begun;
  }

  /** Whether so much is written in this turn that questions of this peer are to be left unanswered. */
  get isLaden(): boolean {
    return this.#bytes >= TURN_BYTES_MAX;
  }

  /** A frame, as it is encoded. */
  addFrame(frame: Bytes): void {
    this.#add(frame, false, frame.length);
  }

  /** A message, whose frame is written around it when all is. */
  addMessage(message: Bytes): void {
    this.#add(message, true, messageFrameBytes(message));
  }

  /** Everything as one piece; nothing is left. */
  take(): Bytes | undefined {
    if (this.#parts.length === 0) return undefined;
    const output = new Uint8Array(this.#bytes);
    let at = 0;
    for (let i = 0; i < this.#parts.length; i++) {
      const bytes = this.#parts[i] as Bytes;
      if (this.#isMessage[i] === true) at = putMessageFrame(output, at, bytes);
      else {
        output.set(bytes, at);
        at += bytes.length;
      }
    }
    this.#parts = [];
    this.#isMessage = [];
    this.#bytes = 0;
    return output;
  }

  #add(bytes: Bytes, isMessage: boolean, length: number): void {
    if (this.#parts.length === 0) this.#begun();
    this.#parts.push(bytes);
    this.#isMessage.push(isMessage);
    this.#bytes += length;
  }
}
