import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode, head, joined, longHead, Raw } from '../../support/hostile/cbor-by-hand.ts';
import {
  type Frame,
  framed,
  frameBytes,
  hello,
  HostileLink,
  type Member,
  TYPE,
} from '../../support/hostile/hostile-link.ts';
import { HonestMesh } from '../../support/hostile/honest-mesh.ts';

const HASH = new Uint8Array(32).fill(7);
const hashes = (count: number): Uint8Array[] => Array.from({ length: count }, () => HASH);
const octets = (...values: number[]): Uint8Array => Uint8Array.from(values);
const times = (count: number, frame: Frame): Uint8Array =>
  joined(Array.from({ length: count }, () => frameBytes(frame)));
const digest = (...streams: readonly Frame[]): Uint8Array => frameBytes([TYPE.digest, 1, '', '', true, streams]);

type Lie = readonly [name: string, say: (member: Member) => Uint8Array, bye?: string];

/** Instead of a hello that fits (spec 04 section 3). Where nothing is said, the answer is `malformed`. */
const INSTEAD_OF_HELLO: readonly Lie[] = [
  ['an empty frame', () => octets(0, 0, 0, 0)],
  ['a frame one byte too long', () => octets(0, 1, 0, 1, 0)],
  ['a length that looks negative', () => octets(128, 0, 0, 0)],
  ['the greatest length', () => octets(255, 255, 255, 255)],
  ['a ping', () => frameBytes([TYPE.ping])],
  ['a message', () => frameBytes([TYPE.message, new Uint8Array(300)])],
  ['lists', () => frameBytes([TYPE.crls, []])],
  ['another mesh', (member) => frameBytes(hello(member, { 2: 'other' })), 'mesh'],
  ['another node', (member) => frameBytes(hello(member, { 3: 'a'.repeat(52) })), 'mesh'],
  ['version 0', (member) => frameBytes(hello(member, { 1: 0 })), 'version'],
  ['version 2', (member) => frameBytes(hello(member, { 1: 2 })), 'version'],
  ['version 2^53', (member) => frameBytes(hello(member, { 1: 2n ** 53n }))],
  ['version 2^64 - 1', (member) => frameBytes(hello(member, { 1: 2n ** 64n - 1n }))],
  ['an incarnation of 2^53', (member) => frameBytes(hello(member, { 7: 2n ** 53n }))],
  ['an incarnation of -1', (member) => frameBytes(hello(member, { 7: new Raw(0x20) }))],
  ['a window of 2^64 - 1', (member) => frameBytes(hello(member, { 8: 2n ** 64n - 1n }))],
  ['software of 65 bytes', (member) => frameBytes(hello(member, { 4: 'x'.repeat(65) }))],
  ['9 addresses', (member) => frameBytes(hello(member, { 5: Array.from({ length: 9 }, (_, i) => `h:${i + 1}`) }))],
  ['an address that is none', (member) => frameBytes(hello(member, { 5: ['nowhere'] }))],
  ['9 lists', (member) => frameBytes(hello(member, { 6: hashes(9).map((hash) => [hash, 1, 1]) }))],
  ['an array of 2^32 items and no bytes', () => framed(longHead(4, 2 ** 32 - 1, 4))],
  ['an array of 2^64 items and no bytes', () => framed(longHead(4, 2n ** 64n - 1n, 8))],
  ['text of 2^31 bytes and no bytes', () => framed(joined([octets(0x89, 1, 1), longHead(3, 2 ** 31, 4)]))],
  ['65,536 arrays in each other', () => framed(new Uint8Array(65_536).fill(0x81))],
  ['an array without an end', () => framed(octets(0x9f, 1, 0xff))],
  ['a map', () => framed(octets(0xa1, 1, 1))],
  ['a tag', () => framed(octets(0xc1, 0x81, 1))],
  ['a float', () => framed(octets(0xf9, 0, 0))],
  ['no items', () => framed(octets(0x80))],
  ['type 0', () => frameBytes([0])],
  ['a type that there is not', () => frameBytes([20])],
  ['a type that is text', () => frameBytes(['hello'])],
  ['an item too few', (member) => frameBytes(hello(member).slice(0, -1))],
  ['a byte behind it', (member) => framed(joined([encode(hello(member)), octets(0)]))],
  ['a type in two bytes', (member) => frameBytes([new Raw(0x18, 1), ...hello(member).slice(1)])],
  ['text without an end', (member) => frameBytes(hello(member, { 4: new Raw(0x7f, 0x61, 0x61, 0xff) }))],
  ['text that is not UTF-8', (member) => frameBytes(hello(member, { 4: new Raw(0x62, 0xff, 0xfe) }))],
  ['a hello twice', (member) => times(2, hello(member))],
];

/** On a link that is up. */
const BEHIND_HELLO: readonly Lie[] = [
  ['513 keys wanted', () => frameBytes([TYPE.want, hashes(513)])],
  ['a key of 31 bytes', () => frameBytes([TYPE.have, [new Uint8Array(31)]])],
  ['33 chains wanted', () => frameBytes([TYPE.wantChains, hashes(33)])],
  ['ranges that do not rise', () => digest(['x.1', [5, 5]])],
  ['half a range', () => digest(['x.1', [5]])],
  ['a bound of 2^53', () => digest(['x.1', [0, 2n ** 53n]])],
  ['65 ranges', () => digest(['x.1', Array.from({ length: 130 }, (_, i) => i)])],
  ['201 streams', () => digest(...Array.from({ length: 201 }, (_, i) => [`x.${i}`, [0, 1]]))],
  ['2^31 streams and no bytes', () => framed(joined([octets(0x86, 8, 1, 0x60, 0x60, 0xf5), longHead(4, 2 ** 31, 4)]))],
  ['5 certificates', () => frameBytes([TYPE.chain, hashes(5)])],
  ['a certificate of 8 KiB and a byte', () => frameBytes([TYPE.chain, [new Uint8Array(8_193)]])],
  ['a message too long', () => frameBytes([TYPE.message, new Uint8Array(17_537)])],
  ['a statement too long', () => frameBytes([TYPE.delegate, new Uint8Array(513)])],
  ['a reason that there is not', () => frameBytes([TYPE.bye, 'because'])],
  ['a list of 32 MiB', () => frameBytes([TYPE.crlPiece, HASH, 1, 0, 2 ** 25, new Uint8Array(10)])],
  ['a piece beyond its list', () => frameBytes([TYPE.crlPiece, HASH, 1, 5, 10, new Uint8Array(10)])],
  ['a piece of 48 KiB and a byte', () => frameBytes([TYPE.crlPiece, HASH, 1, 0, 49_153, new Uint8Array(49_153)])],
  ['a credit of 2^53', () => frameBytes([TYPE.credit, 2n ** 53n])],
  ['an item too many', () => frameBytes([TYPE.ping, 1])],
  ['byte strings in a frame cut short', () => framed(joined([octets(0x82, TYPE.want, 0x81), head(2, 32), octets(1)]))],
  ['more messages than were granted', () => times(20, [TYPE.message, new Uint8Array(17_000)]), 'misbehaved'],
  ['twenty times no message', () => times(20, [TYPE.message, new Uint8Array(300)]), 'misbehaved'],
];

/** What is allowed, or may be late: nobody is ended for it. */
const BORNE: readonly Lie[] = [
  [
    'answers that nobody asked for',
    () =>
      joined(
        [
          [TYPE.pullSame, 77],
          [TYPE.pullDiffers, 77],
          [TYPE.pullDone, 77, true],
        ].map(frameBytes),
      ),
  ],
  ['digests that nobody asked for', () => times(100, [TYPE.digest, 77, '', '', true, [['x.1', [0, 2 ** 53 - 1]]]])],
  ['chains that nobody asked for', () => times(100, [TYPE.chain, [new Uint8Array(300)]])],
  ['statements that nobody asked for', () => times(100, [TYPE.delegate, new Uint8Array(300)])],
  ['pieces that nobody asked for', () => times(50, [TYPE.crlPiece, HASH, 1, 0, 49_152, new Uint8Array(49_152)])],
  ['a list of an issuer that there is not', () => times(100, [TYPE.crls, [[HASH, 2 ** 50, 1]]])],
  ['lists wanted that there are not', () => times(1_000, [TYPE.wantCrl, HASH, 1, 0])],
  ['messages wanted that there are not', () => times(20, [TYPE.want, hashes(512)])],
  ['messages offered that never come', () => times(20, [TYPE.have, hashes(512)])],
  ['credits again and again', () => times(1_000, [TYPE.credit, 2 ** 53 - 1])],
  ['an incarnation of the future', () => frameBytes([TYPE.ping])],
];

describe('a member that lies in its frames (T17, T22)', () => {
  const mesh = HonestMesh.ofSuite();

  for (const [name, say, bye = 'malformed'] of INSTEAD_OF_HELLO)
    it(`is told goodbye for ${name} as its first word`, async () => {
      const member = await mesh.member();
      const link = new HostileLink(mesh.victim.ready.address, member);
      link.raw(say(member));
      assert.equal(await link.untilClosed(), bye);
    });

  for (const [name, say, bye = 'malformed'] of BEHIND_HELLO)
    it(`is told goodbye for ${name}`, async () => {
      const member = await mesh.member();
      const link = await HostileLink.up(mesh.victim.ready.address, member);
      link.raw(say(member));
      assert.equal(await link.untilClosed(), bye);
      const again = new HostileLink(mesh.victim.ready.address, member);
      assert.equal(await again.untilClosed(), undefined, 'it is shunned: nothing is said to it');
    });

  for (const [name, say] of BORNE)
    it(`is not put out for ${name}`, async () => {
      const member = await mesh.member();
      const link = await HostileLink.up(mesh.victim.ready.address, member, {
        7: Math.floor(Date.now() / 1_000) + 3_600,
      });
      link.raw(say(member));
      assert.equal(await link.isAlive(), true, String(link.bye));
      link.end();
    });

  it('may send a byte a packet', async () => {
    const member = await mesh.member();
    const link = new HostileLink(mesh.victim.ready.address, member);
    for (const byte of frameBytes(hello(member))) {
      link.raw(octets(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(await link.isAlive(), true);
    link.end();
  });

  it('has done the others no harm', () => mesh.isWell());
});
