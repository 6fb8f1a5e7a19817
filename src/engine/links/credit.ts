/** Bytes of messages that a peer may have under way to us: half a second of a busy mesh. */
export const WINDOW_BYTES = 256 * 1024;
/** A hello may not promise more than this; our queue and the socket stay bounded whatever a peer grants. */
export const GRANTED_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Flow control of one link (spec 04): what each side may send of messages before it is granted more. Frames that are no
 * messages cost nothing.
 */
export class Credit {
  #left = 0;
  /** Bytes of messages that the peer may still send, and bytes judged that it has not been granted again. */
  #grantedToPeer = WINDOW_BYTES;
  #consumed = 0;

  /** Bytes of messages that we may still send. */
  get left(): number {
    return this.#left;
  }

  /** We send so much, which is no more than is {@link left}. */
  spend(bytes: number): void {
    this.#left -= bytes;
  }

  /** The peer grants us more. */
  handleGranted(bytes: number): void {
    this.#left = Math.min(GRANTED_BYTES_MAX, this.#left + bytes);
  }

  /** A message came. @returns `false` where it is more than the peer was granted. */
  handleReceived(bytes: number): boolean {
    this.#grantedToPeer -= bytes;
    return this.#grantedToPeer >= 0;
  }

  /** A message of the peer has been judged. @returns bytes to grant anew, which are so many that a frame is worth it; else 0. */
  handleConsumed(bytes: number): number {
    this.#consumed += bytes;
    if (this.#consumed < WINDOW_BYTES / 2) return 0;
    const granted = this.#consumed;
    this.#grantedToPeer += granted;
    this.#consumed = 0;
    return granted;
  }
}
