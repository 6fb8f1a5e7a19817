import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { type Bytes, concatBytes, EMPTY, textOfUtf8, utf8 } from '../../base/bytes.ts';
import { MeshError, messageOf, quoted } from '../../base/errors.ts';
import { sha256 } from '../../crypto/hash.ts';
import { MODE_SECRET } from '../files/atomic-file.ts';

/** What the first line of an audit file has for the hash of the line before. */
const AUDIT_START = '00'.repeat(32);
/** Longest line of an audit file: an entry names a caller and at most every key of a ring. What is longer is none of ours. */
export const AUDIT_LINE_BYTES_MAX = 1024 * 1024;
const LINE_FEED = utf8('\n');
/** @tuning How much of the file is read at once. */
const PIECE_BYTES = 64 * 1024;

/**
 * A file of JSON lines, each with the SHA-256 of the line before it (without the line feed) as `previous`: a line that
 * was changed or taken out breaks the chain. Whoever can write the file can write all of it anew, so the last hash is
 * worth keeping elsewhere from time to time.
 */
export class AuditFile {
  readonly #fd: number;
  readonly #path: string;
  #previous: string;
  #length: number;

  private constructor(fd: number, path: string, previous: string) {
    this.#fd = fd;
    this.#path = path;
    this.#previous = previous;
    this.#length = fstatSync(fd).size;
  }

  /** @throws ERR_STATE_CORRUPT where the chain is broken. */
  static open(path: string): AuditFile {
    const fd = openSync(path, 'a+', MODE_SECRET);
    try {
      return new AuditFile(fd, path, lastHash(path));
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /**
   * On the disk when it returns; where it throws, the file ends as before.
   * @throws ERR_DIR_LOCKED where somebody else has written to the file: two writers would break the chain.
   */
  append(entry: Readonly<Record<string, unknown>>): void {
    if (fstatSync(this.#fd).size !== this.#length)
      throw new MeshError(
        'ERR_DIR_LOCKED',
        `audit file ${quoted(this.#path)} is written by another process too`,
        'give each service a file of its own',
      );
    const line = utf8(JSON.stringify({ ...entry, previous: this.#previous }));
    const bytes = concatBytes(line, LINE_FEED);
    try {
      const written = writeSync(this.#fd, bytes);
      if (written < bytes.length)
        throw new MeshError('ERR_INTERNAL', `audit file ${quoted(this.#path)}: the disk is full`);
      fsyncSync(this.#fd);
    } catch (error) {
      ftruncateSync(this.#fd, this.#length); // half a line would break the chain for the next
      throw error;
    }
    this.#previous = hashOf(line);
    this.#length += bytes.length;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** What {@link checkAuditFile} finds. */
export interface AuditFileCheck {
  /** Lines whose place in the chain is right. */
  readonly entries: number;
  /** Hash of the last of them. */
  readonly head: string;
  /** The line that does not name the hash of the one before, from 1. */
  readonly brokenAt: number | undefined;
  /** Bytes up to and with the last line feed. What follows is being written, or was when the process died. */
  readonly wholeBytes: number;
}

/**
 * Follows the chain from the first line. Memory: one line. It may be asked while a signer writes to the file.
 * @throws ERR_INPUT where the file cannot be read.
 */
export function checkAuditFile(path: string): AuditFileCheck {
  let [entries, head, wholeBytes] = [0, AUDIT_START, 0];
  for (const line of linesOf(path)) {
    if (previousOf(line) !== head) return { entries, head, brokenAt: entries + 1, wholeBytes };
    entries++;
    head = hashOf(line);
    wholeBytes += line.length + 1;
  }
  return { entries, head, brokenAt: undefined, wholeBytes };
}

/** What follows the last line feed was being written when the process died, and is cut off. */
function lastHash(path: string): string {
  const { head, brokenAt, wholeBytes } = checkAuditFile(path);
  if (brokenAt !== undefined)
    throw new MeshError('ERR_STATE_CORRUPT', `audit file ${quoted(path)}: the chain breaks at line ${brokenAt}`);
  if (wholeBytes < statSync(path).size) truncateSync(path, wholeBytes);
  return head;
}

/** Lines that end with a line feed, without it. One that is too long comes cut, and so breaks the chain. */
function* linesOf(path: string): Generator<Bytes> {
  const piece = new Uint8Array(PIECE_BYTES);
  let begun: Bytes = EMPTY;
  for (const length of reads(path, piece)) {
    let from = 0;
    for (let end = piece.indexOf(0x0a); end >= 0 && end < length; end = piece.indexOf(0x0a, from)) {
      yield concatBytes(begun, piece.subarray(from, end));
      begun = EMPTY;
      from = end + 1;
    }
    begun = concatBytes(begun, piece.subarray(from, length));
    if (begun.length <= AUDIT_LINE_BYTES_MAX) continue;
    yield begun;
    return;
  }
}

function* reads(path: string, piece: Uint8Array): Generator<number> {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    for (let length = readSync(fd, piece); length > 0; length = readSync(fd, piece)) yield length;
  } catch (error) {
    throw new MeshError('ERR_INPUT', `audit file ${quoted(path)} cannot be read: ${messageOf(error)}`);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function previousOf(line: Bytes): unknown {
  if (line.length > AUDIT_LINE_BYTES_MAX) return undefined;
  try {
    return (JSON.parse(textOfUtf8(line)) as { readonly previous?: unknown } | null)?.previous;
  } catch {
    return undefined;
  }
}

function hashOf(line: Bytes): string {
  return sha256(line).toHex();
}
