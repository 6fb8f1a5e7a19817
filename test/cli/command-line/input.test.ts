import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readInput } from '../../../src/cli/input.ts';
import type { ToldError } from '../../support/processes/chainmail.ts';

const LAUNCHER = fileURLToPath(new URL('../../../bin/chainmail.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'chainmail-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Hands the program its standard input in pieces, each after a while. @returns the code of its refusal. */
async function codeOf(words: readonly string[], pieces: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [LAUNCHER, ...words, '--json', '-'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  for (const piece of pieces) {
    await pause(300);
    child.stdin.write(piece);
  }
  child.stdin.end();
  await once(child, 'close');
  return (JSON.parse(stdout) as ToldError).error.code;
}

describe('standard input', () => {
  it('may come late and in pieces', async () => {
    const request = 'request verify --algorithm sigv4 --access-key-id a --secret b --region r --service s'.split(' ');
    // Read whole, it carries no signature: a first piece alone would say the same, so the second is what is wrong.
    assert.equal(
      await codeOf(request, ['GET / HTTP/1.1\n', 'Authorization: AWS4-\nAuthorization: AWS4-\n']),
      'ERR_REQUEST_DUPLICATE_PARAMETER',
    );
    assert.equal(await codeOf(['stream', 'check'], ['0a', '0']), 'ERR_PROTOBUF');
  });

  it('and files are read up to the limit', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'abc');
    assert.equal(new TextDecoder().decode(await readInput(path, 3)), 'abc');
    await assert.rejects(readInput(path, 2), { code: 'ERR_INPUT' });
    await assert.rejects(readInput(join(folder, 'nothing'), 2), { code: 'ERR_INPUT' });
    await assert.rejects(readInput(folder, 2), { code: 'ERR_INPUT' });
  });
});
