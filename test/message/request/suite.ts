import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { textOfUtf8 } from '../../../src/base/bytes.ts';
import type { UnixMs } from '../../../src/base/time.ts';
import type { RequestAlgorithm } from '../../../src/message/request/algorithm.ts';
import { octetsOf } from '../../../src/message/request/http-request.ts';
import { missingVectors, vectorsFolder } from '../../support/vectors.ts';

export const MISSING_SUITE = missingVectors('sigv4/v4');

/** One case of AWS's signing suite (spec 09 requests). */
export interface SuiteCase {
  readonly name: string;
  readonly algorithm: RequestAlgorithm;
  readonly accessKey: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly sessionToken: { readonly value: string; readonly isSigned: boolean } | undefined;
  readonly region: string;
  readonly service: string;
  readonly at: UnixMs;
  readonly normalizePath: boolean;
  readonly queryLifeSec: number;
  /** Bytes of one of its files. */
  readonly file: (name: string) => Uint8Array;
}

interface Context {
  readonly credentials: { readonly access_key_id: string; readonly secret_access_key: string; readonly token?: string };
  readonly expiration_in_seconds: number;
  readonly normalize: boolean;
  readonly region: string;
  readonly service: string;
  readonly timestamp: string;
  readonly omit_session_token?: boolean;
}

/** Every case that is there, of both algorithms. */
export function suiteCases(): readonly SuiteCase[] {
  if (MISSING_SUITE !== false) return [];
  return (['sigv4', 'sigv4a'] as const).flatMap((algorithm) => {
    const folder = vectorsFolder(`sigv4/${algorithm === 'sigv4' ? 'v4' : 'v4a'}`);
    return existsSync(folder) ? readdirSync(folder).map((name) => readCase(algorithm, name, join(folder, name))) : [];
  });
}

/** A text of the program, in which a character stands for an octet, as the suite's files have it. */
export function asUtf8(text: string): string {
  return textOfUtf8(octetsOf(text));
}

function readCase(algorithm: RequestAlgorithm, name: string, folder: string): SuiteCase {
  const context = JSON.parse(readFileSync(join(folder, 'context.json'), 'utf8')) as Context;
  const { credentials } = context;
  return {
    name,
    algorithm,
    accessKey: { accessKeyId: credentials.access_key_id, secretAccessKey: credentials.secret_access_key },
    sessionToken:
      credentials.token === undefined
        ? undefined
        : { value: credentials.token, isSigned: context.omit_session_token !== true },
    region: context.region,
    service: context.service,
    at: Date.parse(context.timestamp) as UnixMs,
    normalizePath: context.normalize,
    queryLifeSec: context.expiration_in_seconds,
    file: (file) => readFileSync(join(folder, file)),
  };
}
