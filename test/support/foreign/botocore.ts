import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { RequestAlgorithm } from '../../../src/message/request/algorithm.ts';
import type { AccessKey } from '../../../src/message/request/signing-key.ts';
import { pythonWith } from './programs.ts';

/** The SDK of AWS for Python; it signs SigV4A with AWS's runtime in C. */
export const botocore = pythonWith('botocore', 'awscrt');

export interface BotocoreWish {
  readonly algorithm: RequestAlgorithm;
  readonly accessKey: AccessKey;
  readonly region: string;
  readonly service: string;
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const SIGNER = `
import json, sys
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.crt.auth import CrtSigV4AsymAuth
def sign(wish):
    key = wish["accessKey"]
    request = AWSRequest(wish["method"], wish["url"], headers=wish.get("headers", {}), data=wish.get("body", ""))
    signer = CrtSigV4AsymAuth if wish["algorithm"] == "sigv4a" else SigV4Auth
    signer(Credentials(key["accessKeyId"], key["secretAccessKey"]), wish["service"], wish["region"]).add_auth(request)
    return dict(request.headers.items())
json.dump([sign(wish) for wish in json.load(sys.stdin)], sys.stdout)
`;

/** @returns the headers that each request has then. Only where {@link botocore} is not skipped. */
export function signedByBotocore(wishes: readonly BotocoreWish[]): readonly Record<string, string>[] {
  const run = spawnSync(botocore.path ?? '', ['-c', SIGNER], { input: JSON.stringify(wishes), encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  return JSON.parse(run.stdout) as Record<string, string>[];
}
