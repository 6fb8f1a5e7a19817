import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fromHex } from '../../../src/base/bytes.ts';
import { chainmail, LongCommand, type ToldError } from '../../support/processes/chainmail.ts';
import { connectClient } from '../../support/river-streams.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { missingTownsSdk, townsSdk } from '../../support/foreign/towns-sdk.ts';

interface Got {
  readonly ok: boolean;
  readonly blocks: number;
  readonly nodes: readonly string[];
  readonly events: readonly { creator: string; signer: string; delegate: boolean; text?: string }[];
}

describe('chainmail stream as a client', () => {
  const folder = tempDir({ after });
  const walletKey = join(folder, 'wallet.key');
  const token = join(folder, 'device.token');
  const note = join(folder, 'note');
  let server: LongCommand;
  let url: string;
  let node: string;
  let wallet: string;

  before(async () => {
    server = new LongCommand([
      'stream',
      'serve',
      '--dir',
      join(folder, 'streams'),
      '--listen',
      '127.0.0.1:0',
      '--json',
    ]);
    const ready = await server.json<{ url: string; address: string }>();
    url = ready.url;
    node = ready.address;
    writeFileSync(note, 'hello\n');
    wallet = (await told<{ address: string }>('wallet', '--wallet-key', walletKey)).address;
    await told('token', '--wallet-key', walletKey, '--out', token);
  });
  after(() => server.end());

  async function told<T>(...args: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await chainmail(['stream', ...args, '--json']);
    assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as T;
  }

  async function refused(...args: readonly string[]): Promise<string> {
    const { code, stdout } = await chainmail(['stream', ...args, '--json']);
    assert.equal(code, 1, stdout);
    return (JSON.parse(stdout) as ToldError).error.code;
  }

  const byWallet = (): string[] => ['--server', url, '--wallet-key', walletKey];
  const byDevice = (): string[] => ['--server', url, '--token', token];
  const channel = async (): Promise<string> =>
    (await told<{ stream_id: string }>('create', ...byWallet(), '--kind', 'channel')).stream_id;

  it('makes a wallet once, and a device that may sign for it, for nobody else to read', async () => {
    assert.match(wallet, /^0x[0-9a-f]{40}$/);
    assert.equal((await told<{ address: string }>('wallet', '--wallet-key', walletKey)).address, wallet);
    for (const file of [walletKey, token]) assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(await refused('token', '--wallet-key', walletKey, '--out', token), 'ERR_FILE_EXISTS');
    assert.equal(await refused('token', '--wallet-key', note, '--out', `${token}2`), 'ERR_KEY_FILE_MODE');
  });

  it('begins a stream, adds to it as wallet and as device, and reads it, checked', async () => {
    const id = await channel();
    const added = await told<{ event_hash: string }>('add', ...byWallet(), '--stream', id, note);
    assert.match(added.event_hash, /^0x[0-9a-f]{64}$/);
    await told('add', ...byDevice(), '--stream', id, note);
    const { ok, nodes, events } = await told<Got>('get', '--server', url, '--stream', id);
    assert.ok(ok);
    assert.deepEqual(nodes, [node]);
    assert.deepEqual(
      events.map(({ creator, delegate, text }) => [creator, delegate, text]),
      [
        [wallet, false, undefined],
        [wallet, false, 'hello'],
        [wallet, true, 'hello'],
      ],
    );
    assert.notEqual(events[2]?.signer, wallet);
  });

  it('says what is wrong with what it is asked', async () => {
    const id = await channel();
    const other = `0x${'ab'.repeat(20)}`;
    await told('add', ...byWallet(), '--stream', id, '--invite', other);
    writeFileSync(`${note}.latin1`, Uint8Array.of(0x68, 0xe9));
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [['add', ...byWallet(), '--stream', id, `${note}.latin1`], 1, /not valid UTF-8/],
      [['add', ...byWallet(), '--stream', id], 2, /one of FILE/],
      [['add', ...byWallet(), '--stream', id, note, '--join', other], 2, /one of FILE/],
      [['add', '--server', url, '--stream', id, note], 2, /must be signed/],
      [['add', ...byWallet(), '--token', token, '--stream', id, note], 2, /exclude each other/],
      [['token', '--wallet-key', walletKey, '--out', `${token}2`, '--ttl', '31d'], 2, /30d/],
      [['get', '--server', url, '--stream', 'ff'], 2, /stream id has 1 bytes/],
      [['get', '--server', 'http://river.test', '--stream', id], 1, /loopback/],
      [['get', '--server', url, '--stream', `20${'00'.repeat(31)}`], 1, /5:NOT_FOUND/],
    ];
    for (const [args, exit, words] of cases) {
      const { code, stdout, stderr } = await chainmail(['stream', ...args]);
      assert.deepEqual([code, words.test(stdout + stderr)], [exit, true], `${args.join(' ')}: ${stdout}${stderr}`);
    }
  });

  it('works hand in hand with River’s own SDK', { skip: missingTownsSdk }, async () => {
    const sdk = townsSdk();
    const id = await channel();
    await told('add', ...byWallet(), '--stream', id, note);
    const client = connectClient(url, true);
    const streamId = new Uint8Array(fromHex(id));
    const { stream } = await client.getStream({ streamId });
    const unpacked = await sdk.unpackStream(stream, undefined);
    assert.equal(unpacked.snapshot.content.case, 'channelContent', 'what we made holds for the SDK');

    const context = await sdk.makeSignerContextFromBearerToken(readFileSync(token, 'utf8').trim());
    const payload = {
      case: 'channelPayload',
      value: { content: { case: 'message', value: { ciphertext: 'from SDK' } } },
    };
    const { hash } = await client.getLastMiniblockHash({ streamId });
    await client.addEvent({ streamId, event: await sdk.makeEvent(context, payload, hash) });
    const { events } = await told<Got>('get', '--server', url, '--stream', id);
    assert.deepEqual(
      events.slice(1).map(({ creator, delegate, text }) => [creator, delegate, text]),
      [
        [wallet, false, 'hello'],
        [wallet, true, 'from SDK'],
      ],
    );
  });
});
