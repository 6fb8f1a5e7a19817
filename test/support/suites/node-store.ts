import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UnixMs } from '../../../src/base/time.ts';
import type {
  KeptRevocation,
  NodeChange,
  NodeStore,
  RestoredNode,
  StoredMessage,
  WalletFloorRow,
} from '../../../src/ports/node-store.ts';

export function storedMessage(arrival: number, fill = arrival): StoredMessage {
  return {
    arrival,
    receivedAt: (1_000 + arrival) as UnixMs,
    bytes: new Uint8Array(40).fill(fill),
  };
}

/** Everything a store gives back, as plain values. */
export function contentOf(store: NodeStore): object {
  const {
    incarnation,
    timeFloor,
    epochFloor,
    walletFloors,
    arrivals,
    messages,
    chains,
    crls,
    revocations,
  }: RestoredNode = store.load();
  return {
    incarnation,
    timeFloor,
    epochFloor,
    walletFloors: walletFloors.map(({ address, below }) => `${address.toHex()} ${below}`),
    arrivals,
    messages: Array.from(messages, (message) => ({ ...message, bytes: message.bytes.toHex() })),
    chains: chains.map((chain) => chain.map((der) => der.toHex())).sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
    crls: crls.map((der) => der.toHex()).sort(),
    revocations: revocations.toSorted((a, b) => (a.serial < b.serial ? -1 : 1)),
  };
}

const floor = (byte: string, below: number): WalletFloorRow => ({
  address: Uint8Array.fromHex(byte.repeat(20)),
  below: below as UnixMs,
});

/** What every {@link NodeStore} must do. */
export function describeNodeStore(name: string, open: () => Promise<NodeStore>): void {
  describe(`NodeStore: ${name}`, () => {
    it('is empty at first', async () => {
      const store = await open();
      assert.deepEqual(contentOf(store), {
        incarnation: 0,
        timeFloor: 0,
        epochFloor: 0,
        walletFloors: [],
        arrivals: 0,
        messages: [],
        chains: [],
        crls: [],
        revocations: [],
      });
      assert.equal(store.read(0), undefined);
    });

    it('gives back what was put, messages in the order of their arrival', async () => {
      const store = await open();
      await store.apply([
        { tag: 'put-message', message: storedMessage(7) },
        { tag: 'put-message', message: storedMessage(3) },
        {
          tag: 'put-chain',
          voucherId: 'aa'.repeat(32),
          chain: [Uint8Array.of(2), Uint8Array.of(1)],
          keepUntil: 5 as UnixMs,
        },
        { tag: 'put-crl', issuerKeyHash: 'bb'.repeat(32), der: Uint8Array.of(9), kept: [] },
        { tag: 'put-incarnation', incarnation: 1_700_000_000 },
        { tag: 'put-time-floor', timeFloor: 1_800_000_000_000 as UnixMs },
        { tag: 'put-epoch-floor', epochFloor: 3 },
        { tag: 'put-wallet-floors', walletFloors: [floor('cd', 5), floor('ef', 6)] },
        { tag: 'put-wallet-floors', walletFloors: [floor('ab', 7)] },
      ]);
      const messages = [storedMessage(3), storedMessage(7)].map((message) => ({
        ...message,
        bytes: message.bytes.toHex(),
      }));
      assert.deepEqual(contentOf(store), {
        incarnation: 1_700_000_000,
        timeFloor: 1_800_000_000_000,
        epochFloor: 3,
        walletFloors: [`${'ab'.repeat(20)} 7`],
        arrivals: 8,
        messages,
        chains: [['02', '01']],
        crls: ['09'],
        revocations: [],
      });
      assert.equal(store.read(7)?.toHex(), '07'.repeat(40));
    });

    it('gives no place again that was left free, whatever it is told later', async () => {
      const store = await open();
      await store.apply([
        { tag: 'put-arrivals', arrivals: 100 },
        { tag: 'put-message', message: storedMessage(3) },
        { tag: 'put-arrivals', arrivals: 50 },
      ]);
      assert.equal(store.load().arrivals, 100);
      await store.apply([{ tag: 'put-message', message: storedMessage(100) }]);
      assert.equal(store.load().arrivals, 101);
    });

    it('forgets what is dropped; dropping twice is not an error', async () => {
      const store = await open();
      await store.apply([
        { tag: 'put-message', message: storedMessage(1) },
        { tag: 'put-chain', voucherId: 'aa'.repeat(32), chain: [Uint8Array.of(2)], keepUntil: 5 as UnixMs },
      ]);
      for (let time = 0; time < 2; time++)
        await store.apply([
          { tag: 'drop-message', arrival: 1 },
          { tag: 'drop-chain', voucherId: 'aa'.repeat(32) },
        ]);
      assert.deepEqual(contentOf(store), {
        incarnation: 0,
        timeFloor: 0,
        epochFloor: 0,
        walletFloors: [],
        arrivals: 2,
        messages: [],
        chains: [],
        crls: [],
        revocations: [],
      });
      assert.equal(store.read(1), undefined);
    });

    it('keeps one list an issuer, one chain a leaf and the newest incarnation', async () => {
      const store = await open();
      for (const n of [1, 2])
        await store.apply([
          { tag: 'put-crl', issuerKeyHash: 'bb'.repeat(32), der: Uint8Array.of(n), kept: [] },
          { tag: 'put-chain', voucherId: 'aa'.repeat(32), chain: [Uint8Array.of(n)], keepUntil: 5 as UnixMs },
          { tag: 'put-incarnation', incarnation: n },
        ]);
      assert.deepEqual(contentOf(store), {
        incarnation: 2,
        timeFloor: 0,
        epochFloor: 0,
        walletFloors: [],
        arrivals: 0,
        messages: [],
        chains: [['02']],
        crls: ['02'],
        revocations: [],
      });
    });

    it('keeps revocations that a list left out until they are dropped, each once', async () => {
      const store = await open();
      const kept = (serial: string, issuer = 'bb'): KeptRevocation => ({
        issuerKeyHash: issuer.repeat(32),
        serial,
        revokedAt: 1_000 as UnixMs,
        reason: 'keyCompromise',
        keepUntil: (2 ** 45) as UnixMs,
      });
      const put = (...revocations: KeptRevocation[]): NodeChange => ({
        tag: 'put-crl',
        issuerKeyHash: 'bb'.repeat(32),
        der: Uint8Array.of(1),
        kept: revocations,
      });
      await store.apply([put(kept('a1'), kept('b2'))]);
      await store.apply([put(kept('b2')), put(kept('c3', 'cc'))]);
      assert.deepEqual((contentOf(store) as RestoredNode).revocations, [kept('a1'), kept('b2'), kept('c3', 'cc')]);
      await store.apply([{ tag: 'drop-revocations', issuerKeyHash: 'bb'.repeat(32), serials: ['a1', 'c3', 'ff'] }]);
      assert.deepEqual((contentOf(store) as RestoredNode).revocations, [kept('b2'), kept('c3', 'cc')]);
    });

    it('applies the changes of one group in their order', async () => {
      const store = await open();
      await store.apply([
        { tag: 'put-message', message: storedMessage(4) },
        { tag: 'drop-message', arrival: 4 },
        { tag: 'put-message', message: storedMessage(4, 5) },
        { tag: 'put-message', message: storedMessage(6) },
        { tag: 'drop-message', arrival: 6 },
      ]);
      assert.equal(store.read(4)?.toHex(), '05'.repeat(40));
      assert.equal(store.read(6), undefined);
    });
  });
}
