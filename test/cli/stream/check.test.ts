import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Bytes, toHex } from '../../../src/base/bytes.ts';
import { ENVELOPE, type Envelope } from '../../../src/message/river/envelope.ts';
import { addressText } from '../../../src/message/river/wallet.ts';
import { signWalletDelegate } from '../../../src/message/river/wallet-delegate.ts';
import { chainmail } from '../../support/processes/chainmail.ts';
import {
  ALICE,
  compactOf,
  DEVICE,
  delegatedBytes,
  eventBytes,
  LATER_MS,
  MALLORY,
  seal,
  withV,
} from '../../support/river.ts';
import { tempDir } from '../../support/temp-dir.ts';

interface Told {
  readonly ok: boolean;
  readonly event_hash?: string;
  readonly creator?: string;
  readonly signer?: string;
  readonly delegate?: boolean;
  readonly expires_at_ms?: number;
  readonly error?: { readonly code: string; readonly river_code?: number; readonly hint?: string };
}

const folder = tempDir({ after });

async function told(args: readonly string[]): Promise<Told & { readonly exit: unknown; readonly text: string }> {
  const { code, stdout } = await chainmail([...args, '--json']);
  return { ...(JSON.parse(stdout) as Told), exit: code, text: stdout };
}

async function check(
  envelope: Envelope | string,
  ...more: readonly string[]
): Promise<Told & { exit: unknown; text: string }> {
  const path = join(folder, 'event.hex');
  writeFileSync(path, typeof envelope === 'string' ? envelope : toHex(ENVELOPE.encode(envelope)));
  return told(['stream', 'check', path, ...more]);
}

async function checkDelegate(
  { signature, expiry = LATER_MS, key = DEVICE.publicKey }: { signature: Bytes; expiry?: bigint; key?: Bytes },
  ...more: readonly string[]
): Promise<Told & { exit: unknown; text: string }> {
  const delegate = ['--creator', addressText(ALICE.address), '--delegate-key', toHex(key)];
  const signed = ['--signature', `0x${toHex(signature)}`, '--expiry', String(expiry)];
  return told(['stream', 'check-delegate', ...delegate, ...signed, ...more]);
}

describe('chainmail stream check', () => {
  const delegated = seal(DEVICE, delegatedBytes());

  it('says of an event what it is and who signed it', async () => {
    const { ok, exit, ...rest } = await check(delegated);
    assert.deepEqual([ok, exit], [true, 0]);
    assert.equal(rest.event_hash, `0x${toHex(delegated.hash)}`);
    assert.equal(rest.creator, addressText(ALICE.address));
    assert.equal(rest.signer, addressText(DEVICE.address));
    assert.equal(rest.delegate, true);
    assert.equal(rest.expires_at_ms, Number(LATER_MS));
  });

  it('takes 0x, white space and capitals', async () => {
    const hex = toHex(ENVELOPE.encode(seal(ALICE, eventBytes()))).toUpperCase();
    const { ok, delegate, expires_at_ms } = await check(`0x${hex.replace(/(.{60})/g, '$1\n ')}\n`);
    assert.deepEqual([ok, delegate, expires_at_ms], [true, false, 0]);
  });

  it('judges the expiry with --now only, in milliseconds or RFC 3339', async () => {
    const before = await check(delegated, '--now', String(LATER_MS - 1n));
    assert.equal(before.ok, true);
    for (const now of [String(LATER_MS), new Date(Number(LATER_MS)).toISOString()]) {
      const { ok, exit, error } = await check(delegated, '--now', now);
      assert.deepEqual([ok, exit, error?.code, error?.river_code], [false, 1, 'ERR_WALLET_EXPIRED', 7]);
    }
    const never = await chainmail(['stream', 'check', '--now', '2026-02-30T00:00:00Z', join(folder, 'event.hex')]);
    assert.equal(never.code, 2, 'a day that no calendar has');
  });

  it('takes a time without a zone as UTC, wherever the machine is', async () => {
    const utc = new Date(Number(LATER_MS)).toISOString().slice(0, -1);
    writeFileSync(join(folder, 'event.hex'), toHex(ENVELOPE.encode(delegated)));
    for (const TZ of ['America/New_York', 'Asia/Tokyo']) {
      const args = ['stream', 'check', '--now', utc, join(folder, 'event.hex'), '--json'];
      const { code, stdout } = await chainmail(args, { TZ });
      assert.deepEqual([code, (JSON.parse(stdout) as Told).error?.code], [1, 'ERR_WALLET_EXPIRED'], TZ);
    }
  });

  it('refuses a delegate for ever unless --river-compat', async () => {
    const forever = seal(DEVICE, delegatedBytes(0n));
    assert.equal((await check(forever)).ok, true);
    assert.equal((await check(forever, '--now', '1')).error?.river_code, 7);
    assert.equal((await check(forever, '--now', '1', '--river-compat')).ok, true);
  });

  it("gives River's number beside each code", async () => {
    const good = seal(ALICE, eventBytes());
    const cases: readonly (readonly [Envelope | string, number])[] = [
      ['', 26],
      ['zz', 3],
      ['0a05', 3],
      [{ ...good, hash: new Uint8Array(32) }, 35],
      [{ ...good, signature: withV(good.signature, 27) }, 3],
      [seal(MALLORY, eventBytes()), 22],
      [seal(MALLORY, delegatedBytes()), 22],
      [seal(ALICE, Uint8Array.of(0x28)), 3],
    ];
    for (const [envelope, river] of cases) {
      const { ok, exit, error } = await check(envelope);
      assert.deepEqual([ok, exit, error?.river_code], [false, 1, river]);
    }
  });

  it('keeps every digit of a 64-bit expiry', async () => {
    const { text } = await check(seal(DEVICE, delegatedBytes(2n ** 63n - 1n)));
    assert.match(text, /"expires_at_ms":9223372036854775807\b/);
  });
});

describe('chainmail stream check-delegate', () => {
  const { signature } = signWalletDelegate(ALICE, DEVICE.publicKey, LATER_MS);

  it('says whose delegate it is and for whom', async () => {
    const { ok, creator, signer, delegate, expires_at_ms } = await checkDelegate({ signature });
    assert.deepEqual([ok, delegate, expires_at_ms], [true, true, Number(LATER_MS)]);
    assert.deepEqual([creator, signer], [addressText(ALICE.address), addressText(DEVICE.address)]);
  });

  it('takes a key of 64 bytes, which was signed as such', async () => {
    const key = DEVICE.publicKey.subarray(1);
    const short = signWalletDelegate(ALICE, key, LATER_MS).signature;
    assert.equal((await checkDelegate({ signature: short, key })).signer, addressText(DEVICE.address));
    assert.equal((await checkDelegate({ signature, key })).error?.river_code, 22);
  });

  it('refuses what does not hold, with the number of River', async () => {
    const off = new Uint8Array(DEVICE.publicKey);
    off[64] = (off[64] as number) ^ 1;
    const compressed = new Uint8Array([2, ...DEVICE.publicKey.subarray(1, 33)]);
    const cases = [
      [{ signature, expiry: LATER_MS + 1n }, 'ERR_WALLET_SIGNATURE', 22],
      [{ signature, key: MALLORY.publicKey }, 'ERR_WALLET_SIGNATURE', 22],
      [{ signature: compactOf(signature) }, 'ERR_WALLET_ENCODING', 22],
      [{ signature: withV(signature, 29) }, 'ERR_WALLET_ENCODING', 22],
      [{ signature, expiry: -1n }, 'ERR_WALLET_EXPIRY', 3],
      [{ signature, expiry: 2n ** 63n }, 'ERR_WALLET_EXPIRY', 3],
      [{ signature, key: off }, 'ERR_WALLET_KEY', 3],
      [{ signature, key: compressed }, 'ERR_WALLET_KEY', 3],
    ] as const;
    for (const [delegate, code, river] of cases) {
      const { exit, error } = await checkDelegate(delegate);
      assert.deepEqual([exit, error?.code, error?.river_code], [1, code, river]);
    }
  });

  it('judges the expiry with --now', async () => {
    const late = await checkDelegate({ signature }, '--now', String(LATER_MS));
    assert.deepEqual([late.error?.code, late.error?.river_code], ['ERR_WALLET_EXPIRED', 7]);
    const forever = signWalletDelegate(ALICE, DEVICE.publicKey, 0n).signature;
    const args = { signature: forever, expiry: 0n };
    assert.equal((await checkDelegate(args, '--now', '5')).error?.code, 'ERR_WALLET_FOREVER');
    assert.equal((await checkDelegate(args, '--now', '5', '--river-compat')).ok, true);
  });

  it('exits 2 where the command line is wrong', async () => {
    const { code, stderr } = await chainmail(['stream', 'check-delegate', '--expiry', 'soon']);
    assert.equal(code, 2);
    assert.match(stderr, /milliseconds/);
  });
});
