import { type Bytes, concatBytes, EMPTY } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { FRAME_BYTES_MAX } from './frame.ts';

const LENGTH_BYTES = 4;
/**
 * Pieces of a frame that has not ended that are kept apart; more are joined. Each takes some 250 bytes beside its own: 65,536
 * of one byte each would be 16 MiB a link. A frame that comes so is copied 512 times, half of it on average.
 */
export const PIECES_MAX = 128;

/** Where the bodies of frames stand that are complete: `[start, end, start, end, ...]`. */
export interface FrameCuts {
  readonly input: Bytes;
  readonly bounds: readonly number[];
}

const NO_CUTS: FrameCuts = Object.freeze({ input: EMPTY, bounds: [] });

/**
 * Cuts a byte stream into frames: `length u32 BE ‖ body`. Memory follows the bytes received, never the length
 * that is claimed; bytes are joined once a frame is complete, or many pieces wait, so a peer that sends one at a time costs
 * no more.
 */
export class FrameSplitter {
  #chunks: Bytes[] = [];
  #pendingBytes = 0;
  #neededBytes = LENGTH_BYTES;

  /** Bytes of a frame that has not ended: at most one frame and one read of the socket. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** In how many pieces those bytes are kept. */
  get pendingPieces(): number {
    return this.#chunks.length;
  }

  /**
   * @returns the bodies that are complete with these bytes.
   * @throws ERR_CBOR for a frame that is empty or larger than {@link FRAME_BYTES_MAX}: the link cannot go on.
   */
  push(bytes: Bytes): Bytes[] {
    const { input, bounds } = this.cut(bytes);
    const bodies: Bytes[] = [];
    for (let i = 0; i < bounds.length; i += 2) bodies.push(input.subarray(bounds[i], bounds[i + 1]));
    return bodies;
  }

  /** As {@link push}, without a view of each: to make one costs as much as to tell that a message is a copy. */
  cut(bytes: Bytes): FrameCuts {
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes < this.#neededBytes) {
      this.#chunks.push(bytes);
      if (this.#chunks.length > PIECES_MAX) this.#chunks = [concatBytes(...this.#chunks)];
      return NO_CUTS;
    }
    const input = this.#chunks.length === 0 ? bytes : concatBytes(...this.#chunks, bytes);
    const bounds: number[] = [];
    let offset = 0;
    this.#neededBytes = LENGTH_BYTES;
    while (input.length - offset >= LENGTH_BYTES) {
      const length = lengthAt(input, offset);
      if (length === 0 || length > FRAME_BYTES_MAX)
        throw new MeshError('ERR_CBOR', `frame of ${length} bytes, expected 1 to ${FRAME_BYTES_MAX}`);
      const end = offset + LENGTH_BYTES + length;
      if (end > input.length) {
        this.#neededBytes = LENGTH_BYTES + length;
        break;
      }
      bounds.push(offset + LENGTH_BYTES, end);
      offset = end;
    }
    this.#pendingBytes = input.length - offset;
    if (this.#pendingBytes > 0) this.#chunks = [input.slice(offset)];
    else if (this.#chunks.length > 0) this.#chunks = [];
    return { input, bounds };
  }
}

function lengthAt(input: Bytes, offset: number): number {
  return (
    (input[offset] as number) * 0x100_0000 +
    (((input[offset + 1] as number) << 16) | ((input[offset + 2] as number) << 8) | (input[offset + 3] as number))
  );
}
