import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { SignatureV4a } from '@smithy/signature-v4a';
import type { RequestAlgorithm } from '../../../src/message/request/algorithm.ts';
import type { AccessKey } from '../../../src/message/request/signing-key.ts';

type Source = string | ArrayBuffer | ArrayBufferView;

/** SHA-256, or HMAC where a secret is given: what AWS's signers ask of their host. */
class Sha256 {
  readonly #hash;

  constructor(secret?: Source) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: Source): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return new Uint8Array(this.#hash.digest());
  }

  reset(): void {
    throw new Error('nobody asks for this');
  }
}

function bytesOf(source: Source): Uint8Array {
  if (typeof source === 'string') return Buffer.from(source, 'utf8');
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
}

export interface SmithyOptions {
  readonly accessKey: AccessKey;
  readonly sessionToken?: string | undefined;
  readonly region: string;
  readonly service: string;
  /** Whether the hash of the body goes into a header. */
  readonly applyChecksum: boolean;
}

/** The signers of AWS's SDK for JavaScript. */
export function smithySigner(algorithm: 'sigv4', options: SmithyOptions): SignatureV4;
export function smithySigner(algorithm: 'sigv4a', options: SmithyOptions): SignatureV4a;
export function smithySigner(
  algorithm: RequestAlgorithm,
  { accessKey, sessionToken, region, service, applyChecksum }: SmithyOptions,
): SignatureV4 | SignatureV4a {
  const credentials = { ...accessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  const init = { credentials, region, service, sha256: Sha256, applyChecksum };
  return algorithm === 'sigv4' ? new SignatureV4(init) : new SignatureV4a(init);
}

/** A request as those signers take it. */
export interface SmithyRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly query: Record<string, string | string[]>;
  readonly body?: Uint8Array;
}
