import { type Bytes, concatBytes } from '../../base/bytes.ts';
import { isMeshError } from '../../base/errors.ts';
import type { ByeReason, Frame, HelloFrame } from '../../engine/links/frame.ts';
import { decodeFrame, encodeFrame } from '../../engine/links/frame-codec.ts';
import { FrameSplitter } from '../../engine/links/frame-splitter.ts';
import type { LinkEnd } from '../../engine/links/link-end.ts';
import type { NodeId } from '../../identity/node-id.ts';

/** A member's end of a link that keeps no rule but the encoding of frames: whoever holds it says what it likes. */
export class HostileLink {
  readonly end: LinkEnd;
  readonly #splitter = new FrameSplitter();
  readonly #write: (bytes: Bytes) => void;
  #hello: HelloFrame | undefined;
  #grantedBytes = 0;
  #bye: ByeReason | undefined;

  constructor(end: LinkEnd, write: (bytes: Bytes) => void) {
    this.end = end;
    this.#write = write;
  }

  get peer(): NodeId {
    return this.end.peer.nodeId;
  }

  /** True once the other end has said hello. */
  get isUp(): boolean {
    return this.#hello !== undefined && this.#bye === undefined;
  }

  /** Why the other end put an end to it. */
  get bye(): ByeReason | undefined {
    return this.#bye;
  }

  /** Bytes of messages that the other end still takes. */
  get grantedBytes(): number {
    return this.#grantedBytes;
  }

  /** Writes frames as one piece. */
  send(...frames: readonly Frame[]): void {
    if (frames.length > 0) this.#write(concatBytes(...frames.map(encodeFrame)));
  }

  /**
   * Sends messages as one piece, as far as the other end takes them: who goes beyond is put out at once.
   *
   * @returns how many were sent.
   */
  sendMessages(messages: readonly Bytes[]): number {
    const frames: Frame[] = [];
    for (const bytes of messages) {
      if (bytes.length > this.#grantedBytes) break;
      this.#grantedBytes -= bytes.length;
      frames.push({ tag: 'message', bytes });
    }
    this.send(...frames);
    return frames.length;
  }

  /** @returns what the other end said, after it was noted what that means for the link; what is no frame ends it. */
  receive(bytes: Bytes): Frame[] {
    const frames = this.#framesOf(bytes);
    for (const frame of frames) {
      if (frame.tag === 'bye') this.#bye = frame.reason;
      if (frame.tag === 'credit') this.#grantedBytes += frame.bytes;
      if (frame.tag !== 'hello') continue;
      this.#hello = frame;
      this.#grantedBytes = frame.windowBytes;
    }
    return frames;
  }

  #framesOf(bytes: Bytes): Frame[] {
    try {
      return this.#splitter.push(bytes).map(decodeFrame);
    } catch (error) {
      if (!isMeshError(error)) throw error;
      return [{ tag: 'bye', reason: 'malformed' }];
    }
  }
}
