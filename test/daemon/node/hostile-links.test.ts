import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { controlSocketOf } from '../../../src/host/http/control-socket.ts';
import { exchange } from '../../../src/host/http/client.ts';
import { CLONE_ALARM_RATE } from '../../../src/authority/revocation/clone-alarm.ts';
import { OPENING_RATE } from '../../../src/engine/links/conduct.ts';
import { LINKS_OPENING_MAX } from '../../../src/node/peers/link-table.ts';
import { RESTORED_RATE } from '../../../src/node/publishing/publisher.ts';
import { type Item, joined } from '../../support/hostile/cbor-by-hand.ts';
import { type Frame, frameBytes, hello, HostileLink, type Member, TYPE } from '../../support/hostile/hostile-link.ts';
import { HonestMesh } from '../../support/hostile/honest-mesh.ts';
import { leafHashOf, messageByHand, recordByHand, strangeHash } from '../../support/hostile/message-by-hand.ts';

/** How long what is done without end is done here. */
const FLOOD_MS = 1_000;
const LOOK_MS = 100;

const nowSec = (): number => Math.floor(Date.now() / 1_000);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('a member that means harm (T3, T4, T5, T24)', () => {
  // The victim hears of lists by gossip alone: what the liars hold up is not made good another way.
  const mesh = HonestMesh.ofSuite(3, '1h');
  const at = (): string => mesh.victim.ready.address;
  const links: HostileLink[] = [];
  const dial = (member: Member): HostileLink => {
    const dialled = new HostileLink(at(), member);
    links.push(dialled);
    return dialled;
  };
  const link = async (member: Member, changes: Readonly<Record<number, Item>> = {}): Promise<HostileLink> => {
    const dialled = dial(member);
    dialled.say(hello(member, changes));
    await dialled.until(TYPE.hello);
    return dialled;
  };
  afterEach(() => {
    for (const open of links.splice(0)) open.end();
  });

  /** Says such frames for a while, as fast as they are taken. */
  async function flood(by: HostileLink, frame: (n: number) => Frame, perPiece = 5): Promise<void> {
    const until = performance.now() + FLOOD_MS;
    for (let n = 0; performance.now() < until && !by.isClosed; n += perPiece) {
      by.raw(joined(upTo(perPiece).map((i) => frameBytes(frame(n + i)))));
      await by.drained();
      await new Promise((resolve) => setTimeout(resolve, 5));
      by.forget();
    }
  }

  async function ask(path: string, body?: object): Promise<string> {
    const { status, body: bytes } = await exchange(
      { tag: 'socket', path: controlSocketOf(mesh.authority.authorityDir) },
      { method: body === undefined ? 'GET' : 'POST', path, ...(body === undefined ? {} : { body }) },
    );
    const text = new TextDecoder().decode(bytes);
    assert.ok(status < 300, text);
    return text;
  }

  it('keeps nobody out by opening links and saying nothing', async () => {
    const [silent, other] = [await mesh.member(), await mesh.member()];
    await Promise.all(upTo(OPENING_RATE.burstTokens).map(() => dial(silent).until(TYPE.hello)));
    const more = await mesh.member();
    for (const _ of upTo(LINKS_OPENING_MAX)) dial(more);
    assert.equal((await link(other)).isClosed, false);
  });

  it('is let in no more where it links and leaves again and again', async () => {
    const [restless, other] = [await mesh.member(), await mesh.member()];
    let ups = 0;
    for (let i = 0; i < 2 * OPENING_RATE.burstTokens; i++) {
      const again = dial(restless);
      again.say(hello(restless));
      if ((await again.until(TYPE.hello)) !== undefined) ups++;
      again.end();
    }
    assert.ok(ups >= OPENING_RATE.burstTokens && ups < 2 * OPENING_RATE.burstTokens, `${ups} times`);
    assert.equal((await link(other)).isClosed, false);
  });

  it('has one link, however many it opens at once', async () => {
    const member = await mesh.member();
    const all = await Promise.all(upTo(12).map(() => link(member)));
    const isUp = await Promise.all(all.map((one) => one.isAlive()));
    assert.equal(isUp.filter(Boolean).length, 1);
    assert.ok(all.filter(({ isClosed }) => isClosed).every(({ bye }) => bye === 'twin'));
  });

  it('is given up where it says nothing, or half a hello', async () => {
    const silent = dial(await mesh.member());
    const member = await mesh.member();
    const half = dial(member);
    half.raw(frameBytes(hello(member)).subarray(0, 20));
    assert.deepEqual(await Promise.all([silent.untilClosed(), half.untilClosed()]), ['idle', 'idle']);
  });

  it('is cut off where it asks and never reads', async () => {
    const member = await mesh.member();
    const deaf = await link(member);
    const own = leafHashOf(member);
    deaf.isPolite = false;
    deaf.socket.pause();
    while (deaf.socket.writable) {
      deaf.say([TYPE.wantChains, upTo(32).map(() => own)]);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    assert.equal(deaf.socket.writable, false);
  });

  it('is sent nothing that it did not grant, however often it pulls', async () => {
    const closed = await link(await mesh.member(), { 8: 0 });
    await mesh.victim.publish('for whoever grants it');
    for (const id of upTo(50)) closed.say([TYPE.pull, id, new Uint8Array(8), []], [TYPE.digest, id, '', '', true, []]);
    assert.equal(await closed.isAlive(), true);
    assert.equal(closed.heard.filter(([type]) => type === TYPE.message).length, 0);
  });

  for (const [what, frame] of [
    ['offers keys', (n) => [TYPE.have, upTo(512).map((i) => numbered(512 * n + i))]],
    ['wants keys', (n) => [TYPE.want, upTo(512).map((i) => numbered(512 * n + i))]],
    ['sends digests', (n) => [TYPE.digest, n, '', '', true, upTo(200).map((i) => [`x.${i}`, upTo(128)])]],
    ['asks for lists', (n) => [TYPE.wantCrl, numbered(n), n, 0]],
  ] as const satisfies readonly (readonly [string, (n: number) => Frame])[])
    it(`does not keep the others from being heard while it ${what} without end`, async () => {
      const loud = await link(await mesh.member());
      await Promise.all([flood(loud, frame), mesh.isWell()]);
    });

  it('does not keep the others from being heard by what strangers of its own making are said to have said', async () => {
    const members = await Promise.all(upTo(3).map(() => mesh.member()));
    const signature = new Uint8Array(64).fill(1);
    const said = (member: Member, counter: number): Frame => {
      const stranger = { origin: 'a'.repeat(52), voucherHash: strangeHash(), signature };
      return [TYPE.message, messageByHand(member, { incarnation: nowSec(), counter, text: 'x', ...stranger })];
    };
    const all = await Promise.all(members.map((member) => link(member)));
    await Promise.all([...all.map((one, i) => flood(one, (n) => said(members[i] as Member, n))), mesh.isWell()]);
  });

  it('is one alarm and not thousands where it says two things all the time', async () => {
    const member = await mesh.member();
    const twofold = await link(member);
    const incarnation = nowSec();
    await flood(twofold, (n) => {
      const bytes = messageByHand(member, { incarnation, counter: Math.floor(n / 2), text: `${n}` });
      return [TYPE.message, bytes];
    });
    await mesh.isWell();
    const alarms = async (): Promise<number> =>
      (await ask('/v1/audit')).split('clone-alarm').filter((part) => part.includes(member.nodeId)).length;
    while ((await alarms()) === 0) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    assert.ok((await alarms()) <= CLONE_ALARM_RATE.burstTokens);
    const lines = mesh.victim.stderr.split('\n').filter((line) => line.includes('two messages under one id'));
    assert.ok(lines.length <= 1, `${lines.length} lines in the log`);
  });

  it('does not have a node open stream after stream by saying that it holds later ones', async () => {
    const incarnation = async (): Promise<number> => Number((await mesh.statusOf(mesh.victim))['incarnation']);
    const before = await incarnation();
    for (const member of [await mesh.member(), await mesh.member()])
      for (const i of upTo(RESTORED_RATE.burstTokens)) {
        const liar = await link(member, { 7: (await incarnation()) + 1 + i });
        await liar.isAlive();
        liar.end();
      }
    const opened = (await incarnation()) - before;
    assert.ok(opened > 0 && opened <= RESTORED_RATE.burstTokens * (RESTORED_RATE.burstTokens + 1), `${opened} above`);
    await mesh.isWell();
  });

  it('is dialled at one of its places at a time, wherever it says that they are', async (t) => {
    const open = new Set<Socket>();
    let dials = 0;
    let most = 0;
    const behave = [(): void => {}, (socket: Socket): unknown => socket.write(new Uint8Array(1_000_000).fill(0x16))];
    const servers = upTo(8).map((i) =>
      createServer((socket) => {
        dials++;
        most = Math.max(most, open.add(socket).size);
        socket
          .resume()
          .on('error', () => {})
          .on('close', () => open.delete(socket));
        behave[i % behave.length]?.(socket);
      }).listen(0, '127.0.0.1'),
    );
    t.after(() => {
      for (const server of servers) server.close();
      for (const socket of open) socket.destroy();
    });
    await Promise.all(servers.map((server) => once(server, 'listening')));
    const places = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`);
    const member = await mesh.member();
    const saying = await link(member);
    const message = messageByHand(member, { incarnation: nowSec(), counter: 0, ...recordByHand(places) });
    saying.say([TYPE.message, message]);
    assert.equal(await saying.isAlive(), true);
    saying.end();
    while (dials < mesh.nodes.length + 1) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    // What a node has given up may be noticed here a little later.
    assert.ok(most <= 2 * mesh.nodes.length, `${most} at a time of ${mesh.nodes.length} nodes`);
    await mesh.isWell();
  });

  describe('with lists of the revoked', () => {
    const issuerOf = (by: HostileLink): readonly [Uint8Array, number] => {
      const crls = by.heard.find(([type]) => type === TYPE.hello)?.[6] as readonly (readonly [Uint8Array, number])[];
      return crls[0] as readonly [Uint8Array, number];
    };
    /** Promises a list, and gives these bytes when it is asked for it. @returns how that ends. */
    async function give(promised: number, bytes: (by: HostileLink, number: number) => Promise<Uint8Array>) {
      const liar = await link(await mesh.member());
      const [issuer, held] = issuerOf(liar);
      liar.say([TYPE.crls, [[issuer, held + promised, nowSec()]]]);
      const der = await bytes(liar, held);
      for (let offset = 0; offset < der.length && !liar.isClosed; offset += 48 * 1_024) {
        const asked = await liar.until(TYPE.wantCrl, (frame) => frame[3] === offset);
        if (asked === undefined) break;
        const [, hash, number] = asked as readonly [number, Uint8Array, number];
        liar.say([TYPE.crlPiece, hash, number, offset, der.length, der.slice(offset, offset + 48 * 1_024)]);
      }
      return liar.untilClosed();
    }
    /** The list that the victim holds. */
    async function current(by: HostileLink, held: number): Promise<Uint8Array> {
      const asking = await link(await mesh.member());
      asking.say([TYPE.wantCrl, issuerOf(by)[0], held, 0]);
      const piece = await asking.until(TYPE.crlPiece);
      asking.end();
      return piece?.[5] as Uint8Array;
    }

    it('is put out for an older list than it promised', async () => {
      assert.equal(await give(1_000, current), 'misbehaved');
    });

    it('is put out for a list that was changed', async () => {
      const changed = async (by: HostileLink, held: number): Promise<Uint8Array> => {
        const list = (await current(by, held)).slice();
        list[list.length - 1] = (list.at(-1) as number) ^ 1;
        return list;
      };
      assert.equal(await give(1_000, changed), 'misbehaved');
    });

    it('is put out for megabytes that are no list', async () => {
      assert.equal(await give(1_000, async () => new Uint8Array(4 * 1_024 * 1_024).fill(0x30)), 'misbehaved');
    });

    it('keeps no newer list away by promising ever newer ones', async () => {
      const [condemned, ...liars] = await Promise.all(upTo(4).map(() => mesh.member()));
      assert.ok(condemned !== undefined);
      const lying = await Promise.all(liars.map((liar) => link(liar)));
      const doomed = await link(condemned);
      const { 0: issuer, 1: held } = issuerOf(doomed);
      let promised = held + 1_000;
      const timer = setInterval(() => {
        for (const liar of lying) liar.say([TYPE.crls, [[issuer, promised++, nowSec()]]]);
      }, 50);
      try {
        await ask('/v1/revoke', { node_id: condemned.nodeId, reason: 'keyCompromise' });
        assert.equal(await doomed.untilClosed(), 'revoked');
      } finally {
        clearInterval(timer);
      }
      assert.equal(await dial(condemned).untilClosed(), undefined, 'no more is said to it');
    });
  });

  it('has done the others no harm', () => mesh.isWell());
});

function numbered(n: number): Uint8Array {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(0, n);
  return key;
}
