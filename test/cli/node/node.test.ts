import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { IndicatorsResponse } from '../../../src/api/node-programs.ts';
import { controlSocketOf } from '../../../src/host/http/control-socket.ts';
import { exchange } from '../../../src/host/http/client.ts';
import type { TlsIdentity } from '../../../src/host/tls/server-options.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { signed } from '../../http/node/support.ts';
import { suiteAuthority } from '../../support/processes/authority-process.ts';
import { chainmail, LongCommand, type ToldError } from '../../support/processes/chainmail.ts';
import { NodeProcess } from '../../support/processes/node-process.ts';
import { RawTls } from '../../support/raw-tls.ts';

/** How often a node is killed in the middle of its work; `crashes.test.ts` kills twenty of all kinds. */
const KILLS = 10;

const { folder, authorityDir } = suiteAuthority();

let count = 0;
async function enrolled(t: Pick<TestContext, 'after'>, ticket: object = {}): Promise<NodeProcess> {
  const node = await NodeProcess.enroll(folder, `n${++count}`, authorityDir, ticket);
  t.after(() => node.end('SIGKILL'));
  return node;
}

async function running(t: Pick<TestContext, 'after'>, ticket: object = {}): Promise<NodeProcess> {
  const node = await enrolled(t, ticket);
  await node.run();
  return node;
}

/** What a command that is refused tells with `--json`. */
async function refusal(...args: string[]): Promise<ToldError['error']> {
  const { code, stdout, stderr } = await chainmail([...args, '--json']);
  assert.equal(code, 1, `${stdout}${stderr}`);
  return (JSON.parse(stdout) as ToldError).error;
}

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await chainmail([...args, '--json']);
  assert.equal(code, 0, `${stdout}${stderr}`);
  return JSON.parse(stdout) as T;
}

async function tlsOf(node: NodeProcess): Promise<TlsIdentity> {
  const { tls } = await node.identity();
  return { ...tls, trustAnchors: [readFileSync(join(authorityDir, 'root.pem'), 'utf8')] };
}

describe('nodes as processes', () => {
  it('run, find each other through the authority, and pass on what is published', async (t) => {
    const [a, b] = [await running(t), await running(t)];
    assert.deepEqual(Object.keys(a.ready), ['event', 'address', 'node_id', 'mesh']);
    assert.match(a.ready.address, /^127\.0\.0\.1:\d+$/);
    assert.equal(statSync(controlSocketOf(a.dir)).mode & 0o777, 0o600);
    await b.linkedWith(a);

    const watch = new LongCommand(['watch', '--dir', b.dir, '--json', '--type', 'indicator']);
    t.after(() => void watch.end('SIGKILL'));
    const indicator = join(folder, 'indicator.json');
    writeFileSync(indicator, '{"kind":"hash","value":"00ff","risk":70,"labels":["test"]}');
    // The watch is on when it has shown something; what was published before it began it does not show.
    const shown = watch.json<Record<string, unknown>>();
    const published = new Set<string>();
    let first: Record<string, unknown> | undefined;
    void shown.then((line) => (first = line));
    while (first === undefined) {
      const args = ['publish', '--dir', a.dir, '--type', 'indicator', '--ttl', '10m', indicator];
      published.add((await json<{ message_id: string }>(...args)).message_id);
    }
    assert.ok(published.has(String(first['message_id'])));
    for (const member of ['origin', 'type', 'payload', 'content_type', 'received_at'])
      assert.ok(member in first, member);
    assert.equal(await watch.end('SIGINT'), 0);

    await b.untilListed(published);
    const { indicators } = await json<{ indicators: object[] }>('indicators', '--dir', b.dir);
    assert.equal(indicators.length, published.size);
    const { peers } = await json<{ peers: { node_id: string; status: string }[] }>('peers', '--dir', b.dir);
    assert.ok(peers.some(({ node_id, status }) => node_id === a.nodeId && status === 'connected'));
    const { records } = await json<{ records: { node_id: string }[] }>('records', '--dir', b.dir);
    assert.ok(records.some(({ node_id }) => node_id === a.nodeId));
    for (const command of [['status'], ['node', 'status']])
      assert.equal((await json<{ node_id: string }>(...command, '--dir', b.dir)).node_id, b.nodeId);
    for (const command of ['status', 'peers', 'records', 'indicators'])
      assert.match((await chainmail([command, '--dir', b.dir])).stdout, new RegExp(a.nodeId));
  });

  it('end in order when they are told to, and let go of everything', async (t) => {
    const node = await running(t);
    assert.equal(await node.end('SIGTERM'), 0);
    assert.ok(!existsSync(controlSocketOf(node.dir)));
    await node.run();
    assert.equal(await node.end('SIGINT'), 0);
    await node.run();
    assert.deepEqual(await json('node', 'leave', '--dir', node.dir), { ok: true });
    assert.equal(await node.end('SIGCONT'), 0); // a signal that ends nothing: it ends by itself
  });

  it(`after ${KILLS} kills -9 while messages are published, every one that was acknowledged is everywhere`, async (t) => {
    const [victim, survivor] = [await running(t), await running(t)];
    const acknowledged = new Set<string>();
    for (let kill = 0; kill < KILLS; kill++) {
      const wanted = acknowledged.size + 5 + kill * 3;
      let isKilled = false;
      const publishing = Array.from({ length: 4 }, async (_, worker) => {
        while (!isKilled) {
          try {
            const { status, json: answer } = await victim.publish(`${kill} ${worker}`);
            if (status === 201) acknowledged.add(String(answer['message_id']));
          } catch {
            return; // it was killed before it answered: nothing was promised
          }
          if (acknowledged.size >= wanted) {
            isKilled = true;
            await victim.end('SIGKILL');
          }
        }
      });
      await Promise.all(publishing);
      await victim.run();
      assert.ok(acknowledged.isSubsetOf(await victim.listed()), `kill ${kill}: something acknowledged is lost`);
    }
    await survivor.untilListed(acknowledged);
    assert.equal(await victim.end(), 0);
  });

  it('a revoked node is shut out: link closed, dial refused, message refused', async (t) => {
    const [a, b, outcast] = [await running(t), await running(t), await running(t)];
    await a.linkedWith(b, outcast);
    const said = await outcast.publish('while it was believed');
    await a.untilListed(new Set([String(said.json['message_id'])]));
    const revoked = await json<{ node_id: string; crl_number: number }>(
      'revoke',
      '--dir',
      authorityDir,
      '--node-id',
      outcast.nodeId,
      '--reason',
      'keyCompromise',
    );
    assert.equal(revoked.node_id, outcast.nodeId);
    for (const node of [a, b])
      await node.untilEvent(async () => {
        const { json: status } = await node.ask({ method: 'GET', path: '/v1/status' });
        const { links } = status as { links: { node_id: string }[] };
        return (
          !links.some(({ node_id }) => node_id === outcast.nodeId) &&
          !(await node.listed()).has(String(said.json['message_id']))
        );
      });
    const dial = new RawTls(a.ready.address, await tlsOf(outcast));
    assert.equal((await dial.untilClosed()).length, 0);
    const http = new RawTls(a.ready.address, await tlsOf(outcast), { ALPNProtocols: ['http/1.1'] });
    http.socket.write('GET /v1/mesh/peers HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.equal((await http.untilClosed()).length, 0);

    // A friend that is believed hands in what the outcast signed.
    const message = await signed({ mesh: parseMeshName('depot') }, await outcast.identity());
    const friend = { tag: 'tls', endpoint: `https://${a.ready.address}`, serverName: `${a.nodeId}.depot` } as const;
    const tls = await tlsOf(b);
    const answer = await exchange(
      { ...friend, trustAnchors: tls.trustAnchors, client: tls },
      {
        method: 'POST',
        path: '/v1/mesh/gossip',
        headers: { 'content-type': 'application/cose' },
        body: message.bytes,
      },
    );
    assert.equal(answer.status, 403);
    assert.match(new TextDecoder().decode(answer.body), /ERR_MESSAGE_REVOKED_ORIGIN/);
    const { peers } = await json<{ peers: { node_id: string }[] }>('peers', '--dir', a.dir);
    assert.ok(!peers.some(({ node_id }) => node_id === outcast.nodeId), 'S1.74');
  });
});

describe('what a node refuses to run on', () => {
  it('a directory where one runs already, and a port that is taken', async (t) => {
    const node = await running(t);
    const { code, hint } = await refusal('node', 'run', '--dir', node.dir, '--listen', '127.0.0.1:0', '--no-multicast');
    assert.equal(code, 'ERR_DIR_LOCKED');
    assert.ok(hint !== undefined);
    const other = await enrolled(t);
    const taken = await refusal('node', 'run', '--dir', other.dir, '--listen', node.ready.address, '--no-multicast');
    assert.equal(taken.code, 'ERR_PORT_IN_USE');
    await other.run(); // and the failed start left nothing behind
  });

  it('no node, a damaged state, that of another node, a wrong passphrase, a wrong knob', async (t) => {
    const [node, other] = [await enrolled(t), await running(t)];
    await other.end();
    const run = (): ReturnType<typeof refusal> => refusal('node', 'run', '--dir', node.dir, '--listen', '127.0.0.1:0');
    assert.equal((await refusal('node', 'run', '--dir', join(folder, 'nowhere'))).code, 'ERR_DIR_NOT_INITIALISED');

    copyFileSync(join(other.dir, 'node.db'), join(node.dir, 'node.db'));
    assert.equal((await run()).code, 'ERR_STATE_FOREIGN');
    writeFileSync(join(node.dir, 'node.db'), 'nonsense'.repeat(2_000));
    assert.equal((await run()).code, 'ERR_STATE_CORRUPT');

    const certificate = readFileSync(join(node.dir, 'node.pem'), 'utf8');
    copyFileSync(join(other.dir, 'node.pem'), join(node.dir, 'node.pem'));
    assert.equal((await run()).code, 'ERR_STATE_FOREIGN');
    writeFileSync(join(node.dir, 'node.pem'), certificate.slice(0, 300));
    assert.equal((await run()).code, 'ERR_STATE_CORRUPT');
    writeFileSync(join(node.dir, 'node.pem'), certificate);

    writeFileSync(join(node.dir, 'passphrase'), 'another\n', { mode: 0o600 });
    assert.equal((await run()).code, 'ERR_PASSPHRASE_WRONG');
    writeFileSync(join(node.dir, 'chainmail.yaml'), 'listne: 1\n');
    assert.equal((await run()).code, 'ERR_CONFIG');
    writeFileSync(join(node.dir, 'chainmail.yaml'), 'crl_poll: soon\n');
    assert.equal((await run()).code, 'ERR_CONFIG');
    // The same values that are wrong usage on the command line are wrong configuration here.
    writeFileSync(join(node.dir, 'chainmail.yaml'), 'bootstrap: ["bogus"]\n');
    assert.equal((await run()).code, 'ERR_CONFIG');
    writeFileSync(join(node.dir, 'chainmail.yaml'), '');
    const asVariable = { CHAINMAIL_LISTEN: '127.0.0.1:99999' };
    const { code, stdout } = await chainmail(['node', 'run', '--dir', node.dir, '--json'], asVariable);
    assert.equal(code, 1);
    assert.equal((JSON.parse(stdout) as ToldError).error.code, 'ERR_CONFIG');
  });

  it('wrong usage: exit code 2 and text', async () => {
    for (const args of [
      ['node', 'run', '--bogus'],
      ['node', 'run'],
      ...['bogus', ':0', '127.0.0.1', '127.0.0.1:99999', ''].map((listen) => [
        'node',
        'run',
        '--dir',
        folder,
        '--listen',
        listen,
      ]),
      ...['bogus', ':1', '127.0.0.1', '127.0.0.1:0', '127.0.0.1:99999'].map((peer) => [
        'node',
        'run',
        '--dir',
        folder,
        '--peer',
        '127.0.0.1:1',
        '--peer',
        peer,
      ]),
      ['node', 'run', '--dir', folder, '--log-level', 'loud'],
      ['publish', '--dir', folder, 'x'],
      ['publish', '--dir', folder, '--type', 'indicator'],
      ['publish', '--dir', folder, '--type', 'indicator', '--ttl', 'soon', 'x'],
      ['watch', '--dir', folder, '--json', 'x'],
    ]) {
      const { code, stdout, stderr } = await chainmail(args);
      assert.deepEqual([code, stdout], [2, ''], args.join(' '));
      assert.match(stderr, /^chainmail: error: /);
    }
  });

  it('commands that need a running node say so', async (t) => {
    const node = await enrolled(t);
    // It has never run: there is nothing to be read from its store either.
    for (const args of [['status'], ['peers'], ['records'], ['indicators'], ['watch'], ['node', 'leave']]) {
      const { code, hint } = await refusal(...args, '--dir', node.dir);
      assert.equal(code, 'ERR_NOT_RUNNING', args.join(' '));
      assert.match(hint ?? '', /^start it: chainmail node run --dir /);
    }
    assert.equal((await refusal('status', '--dir', folder)).code, 'ERR_DIR_NOT_INITIALISED');
  });

  it('indicators and records are told of a node that does not run, less what is over', async (t) => {
    const node = await running(t);
    const publish = async (value: string, ...more: string[]): Promise<void> => {
      const file = join(folder, 'indicator.json');
      writeFileSync(file, JSON.stringify({ kind: 'hash', value, risk: 80 }));
      const told = await chainmail(['publish', '--dir', node.dir, '--type', 'indicator', ...more, file]);
      assert.equal(told.code, 0, told.stderr);
    };
    const told = async (command: string): Promise<{ readonly json: unknown; readonly stderr: string }> => {
      const { code, stdout, stderr } = await chainmail([command, '--dir', node.dir, '--json']);
      assert.equal(code, 0, stderr);
      return { json: JSON.parse(stdout), stderr };
    };
    await publish('lasting');
    const [indicators, records] = [await told('indicators'), await told('records')];
    assert.equal(indicators.stderr, '');
    assert.equal((indicators.json as IndicatorsResponse).indicators.length, 1);
    await publish('short', '--ttl', '1s');
    assert.equal(await node.end('SIGKILL'), 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 1_100)); // the short one is over
    const atRest = await told('indicators');
    assert.deepEqual(atRest.json, indicators.json);
    assert.match(atRest.stderr, /no node runs in /);
    assert.deepEqual((await told('records')).json, records.json);
    // Asked many times at once each is answered, and the node starts from what was read.
    const answers = await Promise.all([1, 2, 3].map(() => told('indicators')));
    for (const { json } of answers) assert.deepEqual(json, indicators.json);
    await node.run();
    assert.deepEqual((await told('indicators')).json, indicators.json);
  });

  it('one Ctrl-C is one wish, though a terminal and the launcher both send it', async (t) => {
    const node = await running(t);
    process.kill(node.pid, 'SIGINT');
    process.kill(node.pid, 'SIGTERM');
    assert.equal(await node.end('SIGINT'), 0);
  });

  it('what a program may not publish', async (t) => {
    const node = await running(t);
    const file = join(folder, 'payload');
    const publish = (type: string, content: string, ...more: string[]): ReturnType<typeof refusal> => {
      writeFileSync(file, content);
      return refusal('publish', '--dir', node.dir, '--type', type, ...more, file);
    };
    assert.equal((await publish('indicator', 'no JSON')).code, 'ERR_MESSAGE_PAYLOAD');
    assert.equal((await publish('sensor/a', 'x'.repeat(16_385))).code, 'ERR_MESSAGE_PAYLOAD');
    assert.equal((await publish('command/x', 'x')).code, 'ERR_MESSAGE_NOT_PERMITTED');
    const { message } = await publish('sensor/a', 'x'.repeat(100_000));
    assert.match(message, /larger than 16384 bytes/, 'what was not read is not counted');
    for (const [wrong, about] of [
      [['--ttl', '500ms'], /1s to 7d in whole seconds/],
      [['--ttl', '8d'], /1s to 7d in whole seconds/],
      [['--type', 'sensor'], /type "sensor"/],
      [['--audience', 'NOBODY'], /a node id or role:NAME/],
    ] as const) {
      const right = ['publish', '--dir', node.dir, '--json', '--type', 'sensor/a', file];
      const { code, stdout, stderr } = await chainmail([...right, ...wrong]);
      assert.deepEqual([code, stdout], [2, ''], wrong.join(' '));
      assert.match(stderr, about);
    }
    assert.equal(
      (await refusal('publish', '--dir', node.dir, '--type', 'sensor/a', join(folder, 'no file'))).code,
      'ERR_INPUT',
    );
  });
});
