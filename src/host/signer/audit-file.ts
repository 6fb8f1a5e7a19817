import { closeSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { utf8 } from '../../base/bytes.ts';
import { MeshError, quoted } from '../../base/errors.ts';
import { sha256 } from '../../crypto/hash.ts';
import { MODE_SECRET } from '../atomic-file.ts';

/** What the first line of an audit file has for the hash of the line before. */
const AUDIT_START = '00'.repeat(32);

/**
 * A file of JSON lines, each with the SHA-256 of the line before it (without the line feed) as `previous`: a line that
 * was changed or taken out breaks the chain. Whoever can write the file can write all of it anew, so the last hash is
 * worth keeping elsewhere from time to time.
 */
export class AuditFile {
  readonly #fd: number;
  #previous: string;

  private constructor(fd: number, previous: string) {
    this.#fd = fd;
    this.#previous = previous;
  }

  /** @throws ERR_STATE_CORRUPT where the chain is broken. */
  static open(path: string): AuditFile {
    const fd = openSync(path, 'a+', MODE_SECRET);
    try {
      return new AuditFile(fd, lastHash(path));
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** On the disk when it returns. */
  append(entry: Readonly<Record<string, unknown>>): void {
    const line = JSON.stringify({ ...entry, previous: this.#previous });
    writeSync(this.#fd, `${line}\n`);
    fsyncSync(this.#fd);
    this.#previous = hashOf(line);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Checks the chain. What follows the last line feed was being written when the process died, and is cut off. */
function lastHash(path: string): string {
  let previous = AUDIT_START;
  const text = readFileSync(path);
  const whole = text.subarray(0, text.lastIndexOf(0x0a) + 1);
  if (whole.length < text.length) truncateSync(path, whole.length);
  const lines = whole.toString('utf8').split('\n').slice(0, -1);
  for (const [i, line] of lines.entries()) {
    if (previousOf(line) !== previous)
      throw new MeshError('ERR_STATE_CORRUPT', `audit file ${quoted(path)}: the chain breaks at line ${i + 1}`);
    previous = hashOf(line);
  }
  return previous;
}

function previousOf(line: string): unknown {
  try {
    return (JSON.parse(line) as { readonly previous?: unknown } | null)?.previous;
  } catch {
    return undefined;
  }
}

function hashOf(line: string): string {
  return sha256(utf8(line)).toHex();
}
