import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { missing } from '../support/foreign/programs.ts';
import { tempDir } from '../support/temp-dir.ts';
import { type UpLine, UpProcess, untilGone } from '../support/processes/up-process.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/chainmail.mjs', import.meta.url));

describe('chainmail up', () => {
  it('tells the whole story of the contract and ends by itself', async (t) => {
    const up = new UpProcess(t, '--for', '1s');
    assert.equal(await up.exitCode(), 0);

    const [ready] = up.all('authority-ready');
    assert.match(String(ready?.['url']), /^https:\/\/127\.0\.0\.1:\d+$/);
    const nodes = up.all('node-enrolled');
    assert.equal(nodes.length, 5);
    const ids = new Set(nodes.map((line) => line['node_id']));
    assert.equal(ids.size, 5);
    t.diagnostic(`five nodes after ${Math.max(...nodes.map((line) => line.t_ms))} ms, ten seconds are promised`);
    for (const { from, to } of up.all('link-up') as unknown as readonly { from: string; to: string }[])
      assert.ok(ids.has(from) && ids.has(to));

    const published = up.all('message-published');
    const delivered = up.all('message-delivered');
    const places = delivered.map((line) => `${String(line['message_id'])} ${String(line['node_id'])}`);
    assert.equal(new Set(places).size, places.length, 'each delivery is told once');
    assert.equal(delivered.length, published.length * 4, 'to every node but the origin');

    assert.deepEqual(
      published.map((line) => line['by']),
      [undefined, 'delegate', 'wallet', undefined],
      'a node, a delegate of the key tree, one of a wallet, a node',
    );
    assert.match(String(published[2]?.['origin']), /^0x[0-9a-f]{40}$/);

    const [stopped] = up.all('node-stopped');
    const [back] = up.all('node-back');
    assert.equal(stopped?.['node_id'], back?.['node_id']);
    assert.notEqual(stopped?.['pid'], back?.['pid']);
    const late = delivered.find(
      (line) => line['node_id'] === back?.['node_id'] && line['message_id'] === published.at(-1)?.['message_id'],
    );
    assert.ok(late !== undefined && late.t_ms >= Number(back?.t_ms), 'it got the message after it came back');

    const [revoked] = up.all('revoked');
    const shutOuts = up.all('shut-out');
    for (const by of ids) {
      if (by === revoked?.['node_id']) continue;
      const hows = shutOuts.filter((line) => line['by'] === by).map((line) => line['how']);
      assert.ok(hows.includes('dial-refused') && hows.includes('message-dropped'), `${String(by)}: ${hows.join(', ')}`);
    }
    const summary = up.lines.at(-1);
    const { t_ms: _, ...said } = summary as UpLine;
    assert.deepEqual(said, {
      event: 'summary',
      ok: true,
      told: true,
      nodes: 5,
      published: 4,
      delivered: 16,
      shut_out: 4,
      failed: [],
    });
    await untilGone([ready?.['pid'], ...nodes.map((line) => line['pid']), back?.['pid']]);
    assert.equal(existsSync(String(ready?.['dir'])), false, 'the temporary folder is removed');
  });

  it('speaks TLS 1.3 and nothing older, seen from outside', { skip: missing('openssl') }, async (t) => {
    const up = new UpProcess(t, '--nodes', '1');
    const [node] = await up.until('node-enrolled');
    const [ready] = up.all('authority-ready');
    for (const address of [String(node?.['address']), String(ready?.['url']).slice('https://'.length)]) {
      const connect = (version: string): string => {
        const run = spawnSync('openssl', ['s_client', '-connect', address, version], { input: '', encoding: 'utf8' });
        return run.stdout + run.stderr;
      };
      assert.match(connect('-tls1_3'), /TLSv1\.3, Cipher is TLS_/);
      assert.match(connect('-tls1_2'), /Cipher is \(NONE\)/);
    }
  });

  it('refuses a directory that is in use for something else', async (t) => {
    const dir = tempDir(t);
    writeFileSync(join(dir, 'passphrase'), 'secret\n', { mode: 0o600 });
    const init = [
      'authority',
      'init',
      '--dir',
      join(dir, 'authority'),
      '--mesh',
      'other',
      '--passphrase-file',
      join(dir, 'passphrase'),
    ];
    assert.equal(spawnSync(process.execPath, [LAUNCHER, ...init]).status, 0);
    const run = spawnSync(process.execPath, [LAUNCHER, 'up', '--json', '--dir', dir, '--for', '1s'], {
      encoding: 'utf8',
    });
    assert.equal(run.status, 1);
    const said = JSON.parse(run.stdout) as { ok: boolean; error: { code: string } };
    assert.equal(said.error.code, 'ERR_DIR_EXISTS');
  });
});
