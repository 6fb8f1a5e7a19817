import type { Bytes } from '../base/bytes.ts';
import type { ErrorCode } from '../base/error-codes.ts';
import { isMeshError, MeshError } from '../base/errors.ts';
import type { SignatureChecker } from '../ports/batch-signer.ts';
import { CHUNK_BYTES_MAX, CHUNK_RECORDS_MAX, type SignedRecord } from '../ports/record-store.ts';
import { IdSet } from './id-set.ts';
import { type InputLine, isBlankLine, LineSplitter } from './line-splitter.ts';
import { parseJsonLine, parseSignedRecord } from './signed-line.ts';
import { checkSigned } from './verify-records.ts';

/** Errors that are listed; the rest is only counted. */
export const VERIFY_ERRORS_MAX = 100;

export interface VerifyError {
  readonly line: number;
  readonly id?: string;
  readonly code: ErrorCode;
}

export interface VerifyResult {
  readonly ok: boolean;
  /** Lines that hold something. */
  readonly checked: number;
  readonly errors: readonly VerifyError[];
}

interface Numbered {
  readonly line: number;
  readonly record: SignedRecord;
}

/**
 * Checks every line of an export: it can be read, its signature recovers to its key, its id comes once.
 *
 * Several chunks are checked at a time, in other threads. Memory: {@link IdSet}, and `lanes` chunks.
 */
export async function verifyExport(
  checker: SignatureChecker,
  input: AsyncIterable<Bytes>,
  lanes: number,
  onProgress?: (checked: number) => void,
): Promise<VerifyResult> {
  const verifier = new Verifier(checker, lanes, onProgress);
  const splitter = new LineSplitter();
  for await (const piece of input) for (const line of splitter.push(piece)) await verifier.add(line);
  for (const line of splitter.end()) await verifier.add(line);
  return verifier.finish();
}

class Verifier {
  readonly #checker: SignatureChecker;
  readonly #lanes: number;
  readonly #onProgress: ((checked: number) => void) | undefined;
  readonly #errors: VerifyError[] = [];
  readonly #ids = new IdSet();
  readonly #underWay = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];
  #chunk: Numbered[] = [];
  #bytes = 0;
  #checked = 0;
  #wrong = 0;

  constructor(checker: SignatureChecker, lanes: number, onProgress: ((checked: number) => void) | undefined) {
    this.#checker = checker;
    this.#lanes = lanes;
    this.#onProgress = onProgress;
  }

  async add({ line, bytes }: InputLine): Promise<void> {
    if (bytes !== undefined && isBlankLine(bytes)) return;
    this.#checked++;
    try {
      if (bytes === undefined) throw new MeshError('ERR_RECORD_MALFORMED', 'the line is too long');
      const record = parseSignedRecord(parseJsonLine(bytes));
      if (!this.#ids.add(record.id)) this.#tell({ line, id: record.id, code: 'ERR_RECORD_DUPLICATE' });
      this.#chunk.push({ line, record });
      this.#bytes += record.message.length;
    } catch (error) {
      if (!isMeshError(error)) throw error;
      this.#tell({ line, code: error.code });
    }
    if (this.#chunk.length >= CHUNK_RECORDS_MAX || this.#bytes >= CHUNK_BYTES_MAX) await this.#begin();
  }

  async finish(): Promise<VerifyResult> {
    if (this.#chunk.length > 0) await this.#begin();
    await Promise.all(this.#underWay);
    if (this.#failures.length > 0) throw this.#failures[0];
    const errors = this.#errors.toSorted((a, b) => a.line - b.line);
    return { ok: this.#wrong === 0, checked: this.#checked, errors };
  }

  async #begin(): Promise<void> {
    const chunk = this.#chunk;
    this.#chunk = [];
    this.#bytes = 0;
    const work = this.#check(chunk)
      .catch((error: unknown) => void this.#failures.push(error))
      .finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
    if (this.#underWay.size >= this.#lanes) await Promise.race(this.#underWay);
  }

  async #check(chunk: readonly Numbered[]): Promise<void> {
    const verdicts = await checkSigned(
      this.#checker,
      chunk.map(({ record }) => record),
    );
    for (const [i, isRight] of verdicts.entries()) {
      const { line, record } = chunk[i] as Numbered;
      if (!isRight) this.#tell({ line, id: record.id, code: 'ERR_RECORD_SIGNATURE' });
    }
    this.#onProgress?.(chunk.length);
  }

  #tell(error: VerifyError): void {
    this.#wrong++;
    if (this.#errors.length < VERIFY_ERRORS_MAX) this.#errors.push(error);
  }
}
