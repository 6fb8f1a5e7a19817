import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Bytes, toHex } from '../../../src/base/bytes.ts';
import { MINIBLOCK_HEADER } from '../../../src/message/river/miniblock.ts';
import { parseEvent } from '../../../src/message/river/parse-event.ts';
import { SeededRandom } from '../../../src/sim/seeded-random.ts';
import { chainmail, LongCommand } from '../../support/processes/chainmail.ts';
import { DAY_MS } from '../../../src/base/time.ts';
import { channelMessage, delegatedBytes, DEVICE, seal } from '../../support/river.ts';
import { channelId, connectClient, genesis, message } from '../../support/river-streams.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** Streams that are written to at once. */
const STREAMS = 4;
const KILLS = 5;

interface Ready {
  readonly event: string;
  readonly url: string;
  readonly address: string;
}

async function serve(
  t: TestContext,
  directory: string,
  ...more: readonly string[]
): Promise<{ command: LongCommand; ready: Ready }> {
  const command = new LongCommand([
    'stream',
    'serve',
    '--dir',
    directory,
    '--listen',
    '127.0.0.1:0',
    '--json',
    ...more,
  ]);
  t.after(() => command.end('SIGKILL'));
  return { command, ready: await command.json<Ready>() };
}

describe('stream revoke', () => {
  it('ends a wallet’s delegates at a store, for a River client too, and not the next one (S3.15)', async (t) => {
    const folder = tempDir(t);
    const { ready } = await serve(t, join(folder, 'streams'));
    const client = connectClient(ready.url, true);
    const id = channelId('revoked');
    const { stream } = await client.createStream({ streamId: id, events: [genesis(id)] });
    const prev = new Uint8Array(stream?.nextSyncCookie?.prevMiniblockHash ?? []);
    const stolen = BigInt(Date.now() + DAY_MS);
    const say = (expiry: bigint, text: string) => {
      const event = delegatedBytes(expiry, { prevMiniblockHash: prev, payload: channelMessage(text) });
      return client.addEvent({ streamId: id, event: seal(DEVICE, event) });
    };
    await say(stolen, 'mine');
    const walletKey = join(folder, 'wallet.key');
    writeFileSync(walletKey, 'a1'.repeat(32), { mode: 0o600 });
    const out = join(folder, 'alice.epoch');
    const revoke = (...more: readonly string[]) =>
      chainmail(['stream', 'revoke', '--wallet-key', walletKey, '--json', ...more]);
    const { code, stdout } = await revoke('--to', ready.url, '--out', out);
    assert.equal(code, 0, stdout);
    assert.match(readFileSync(out, 'utf8'), /^-----BEGIN CHAINMAIL WALLET EPOCH-----/);
    await assert.rejects(say(stolen, 'stolen'), /7:PERMISSION_DENIED.*revoked/);
    await say(BigInt(Date.now() + 30 * DAY_MS), 'the new device');
    assert.equal((await revoke('--out', out)).code, 1, 'the file exists');
    assert.equal((await revoke()).code, 2);
    const { below } = JSON.parse(stdout) as { below: string };
    const earlier = JSON.parse((await revoke('--to', ready.url, '--below', '1')).stdout) as { below: string };
    assert.equal(earlier.below, below, 'what counts is the later one');
  });
});

type Client = ReturnType<typeof connectClient>;

/** Adds event after event until the server is gone. @returns the hashes of those that were answered. */
async function addUntilGone(client: Client, streamId: Bytes, name: string): Promise<readonly string[]> {
  const answered: string[] = [];
  for (let i = 0; ; i++) {
    try {
      const { hash } = await client.getLastMiniblockHash({ streamId });
      const event = message(new Uint8Array(hash), `${name} ${i}`);
      const { newEvents } = await client.addEvent({ streamId, event });
      assert.equal(newEvents.length, 1);
      answered.push(toHex(event.hash));
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return answered;
    }
  }
}

/** Hashes of a stream's events, all blocks checked: each after the other, each naming its events. */
async function readChecked(client: Client, streamId: Bytes): Promise<readonly string[]> {
  const { stream } = await client.getStream({ streamId });
  let before = '';
  const hashes = (stream?.miniblocks ?? []).flatMap(({ header, events }, i) => {
    const { event, hash } = parseEvent(header);
    const content = MINIBLOCK_HEADER.decodeParts(event.payload?.parts ?? []);
    assert.equal(content.miniblockNum, BigInt(i));
    assert.equal(toHex(content.prevMiniblockHash), before);
    assert.deepEqual(
      content.eventHashes.map(toHex),
      events.map((each) => toHex(parseEvent(each).hash)),
    );
    before = toHex(hash);
    return content.eventHashes.map(toHex);
  });
  return [...hashes, ...(stream?.events ?? []).map((each) => toHex(parseEvent(each).hash))];
}

describe('chainmail stream serve', () => {
  it('loses nothing that it answered, whenever it is killed, and has nothing twice', async (t) => {
    const directory = tempDir(t);
    const random = new SeededRandom('kills');
    const ids = Array.from({ length: STREAMS }, (_, i) => channelId(`killed ${i}`));
    const answered = ids.map((): string[] => []);
    for (let round = 0; round < KILLS; round++) {
      const { command, ready } = await serve(t, directory, '--log-level', 'silent');
      const client = connectClient(ready.url, true);
      if (round === 0) for (const id of ids) await client.createStream({ streamId: id, events: [genesis(id)] });
      const adding = ids.map((id, i) => addUntilGone(client, id, `${round} ${i}`));
      await pause(300 + random.below(2_200));
      await command.end('SIGKILL');
      for (const [i, hashes] of (await Promise.all(adding)).entries()) answered[i]?.push(...hashes);
    }
    const { command, ready } = await serve(t, directory, '--log-level', 'silent');
    const client = connectClient(ready.url, true);
    for (const [i, id] of ids.entries()) {
      const kept = await readChecked(client, id);
      assert.equal(new Set(kept).size, kept.length);
      const held = new Set(kept);
      assert.ok((answered[i]?.length ?? 0) > KILLS, 'hardly anything was tried');
      for (const hash of answered[i] ?? []) assert.ok(held.has(hash));
    }
    assert.equal(await command.end('SIGTERM'), 0);
  });

  it('keeps its wallet, and takes delegates for ever with --river-compat only', async (t) => {
    const directory = tempDir(t);
    const addresses: string[] = [];
    for (const compat of [[], ['--river-compat']]) {
      const { command, ready } = await serve(t, directory, ...compat);
      assert.equal(ready.event, 'ready');
      addresses.push(ready.address);
      const streamId = channelId('for ever');
      const client = connectClient(ready.url, false);
      await client.createStream({ streamId, events: [genesis(streamId)] });
      const { hash } = await client.getLastMiniblockHash({ streamId });
      const event = seal(DEVICE, delegatedBytes(0n, { prevMiniblockHash: new Uint8Array(hash) }));
      if (compat.length === 0) await assert.rejects(client.addEvent({ streamId, event }), /7:PERMISSION_DENIED/);
      else assert.equal((await client.addEvent({ streamId, event })).newEvents.length, 1);
      assert.equal(await command.end(), 0);
    }
    assert.equal(addresses[0], addresses[1]);
    assert.match(addresses[0] ?? '', /^0x[0-9a-f]{40}$/);
  });

  it('listens beyond loopback only where calls need a session', async (t) => {
    const directory = join(tempDir(t), 'streams');
    // Nobody but this machine can call the last one: it stands for an address that others can.
    for (const host of ['0.0.0.0', '[::]', '192.0.2.7', '[::ffff:127.0.0.1]']) {
      const args = ['stream', 'serve', '--dir', directory, '--listen', `${host}:0`, '--json'];
      const { code, stderr } = await chainmail(args);
      assert.equal(code, 2, host);
      assert.match(stderr, /no session is required\n.*hint: give --require-session/);
      assert.equal(existsSync(directory), false);
    }
    const { command } = await serve(t, directory, '--listen', '[::ffff:127.0.0.1]:0', '--require-session');
    assert.equal(await command.end(), 0);
  });

  it('refuses a directory that another process serves, and a wallet that is none or that others may read', async (t) => {
    const directory = tempDir(t);
    const args = ['stream', 'serve', '--dir', directory, '--listen', '127.0.0.1:0', '--json'];
    const refused = async (): Promise<string> => {
      const { code, stdout } = await chainmail(args);
      assert.equal(code, 1);
      return (JSON.parse(stdout) as { error: { code: string } }).error.code;
    };
    const { command } = await serve(t, directory);
    assert.equal(await refused(), 'ERR_DIR_LOCKED');
    await command.end();
    const wallet = join(directory, 'wallet.key');
    const key = readFileSync(wallet, 'utf8');
    for (const wrong of ['', 'ff'.repeat(32), '00'.repeat(32), key.slice(2), `${key}${key}`]) {
      writeFileSync(wallet, wrong, { mode: 0o600 });
      assert.equal(await refused(), 'ERR_KEY');
    }
    writeFileSync(wallet, key);
    chmodSync(wallet, 0o640);
    assert.equal(await refused(), 'ERR_KEY_FILE_MODE');
  });
});
