import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';
import { utf8 } from '../../src/base/bytes.ts';
import type { UnixMs } from '../../src/base/time.ts';
import { sha256 } from '../../src/crypto/hash.ts';
import { generatePkcs8, softwareSigner } from '../../src/crypto/keys/signer.ts';
import { parseMeshName } from '../../src/identity/mesh-name.ts';
import { nodeIdOfSpki } from '../../src/identity/node-id.ts';
import { parseMessageType } from '../../src/message/family.ts';
import { assembleMessage, composeMessage, externalAad } from '../../src/message/message.ts';
import { pythonWith } from '../support/foreign/programs.ts';

const python = pythonWith('pycose', 'cbor2');

/** Verifies with a public key given as x and y, and prints whether the signature holds. */
const VERIFIER = `
import sys
from pycose.messages import Sign1Message
from pycose.keys import EC2Key
from pycose.keys.curves import P256
message, aad, point = (bytes.fromhex(line) for line in sys.stdin.read().split())
parsed = Sign1Message.decode(message)
parsed.key = EC2Key(crv=P256, x=point[:32], y=point[32:])
parsed.external_aad = aad
print(parsed.verify_signature())
`;

it('pycose verifies what we sign, and not what was changed', { skip: python.skip }, async () => {
  const mesh = parseMeshName('demo');
  const signer = softwareSigner(generatePkcs8('P-256'));
  const composed = composeMessage(mesh, {
    algorithm: 'ES256',
    type: parseMessageType('sensor/temperature'),
    contentType: 'application/json',
    origin: nodeIdOfSpki(signer.spki),
    incarnation: 1_800_000_000,
    counter: 7,
    issuedAt: 1_800_000_000_000 as UnixMs,
    expiresAt: 1_800_000_060_000 as UnixMs,
    voucherHash: sha256(utf8('a certificate')),
    payload: utf8('{"celsius":21.5}'),
  });
  const message = assembleMessage(composed, await signer.sign(composed.toBeSigned));
  const point = signer.spki.subarray(-64);
  const verify = (bytes: Uint8Array): string => {
    const input = [bytes, externalAad(mesh), point].map((part) => part.toHex()).join('\n');
    const run = spawnSync(python.path ?? '', ['-c', VERIFIER], { input, encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    return run.stdout.trim();
  };
  assert.equal(verify(message.bytes), 'True');
  const changed = message.bytes.slice();
  const last = changed.length - 1;
  changed[last] = (changed[last] as number) ^ 1;
  assert.equal(verify(changed), 'False');
});
