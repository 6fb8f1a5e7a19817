import assert from 'node:assert/strict';
import { join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { type ConnectionOptions, type TLSSocket } from 'node:tls';
import { describe, it } from 'node:test';
import { STREAM_RESETS_MAX } from '../../../src/host/http/carrier.ts';
import { joined } from '../../support/hostile/cbor-by-hand.ts';
import { enrollByHand } from '../../support/hostile/enroll-by-hand.ts';
import { hello, HostileLink, type Member, TYPE } from '../../support/hostile/hostile-link.ts';
import { HonestMesh } from '../../support/hostile/honest-mesh.ts';
import { startAuthority } from '../../support/processes/authority-process.ts';

const FRAMES = 10_000;
/** What waits in a socket before the next piece is written. */
const PIECE_FRAMES = 200;
const STRANGERS = 300;

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** A frame of HTTP/2 (RFC 9113 section 4.1). */
function http2Frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Uint8Array {
  const bytes = Buffer.alloc(9 + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, 9);
  return new Uint8Array(bytes);
}

const PREFACE = joined([latin1('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), http2Frame(4, 0, 0)]);
/** GET, https, /, and an authority `x`. */
const REQUEST = Uint8Array.of(0x82, 0x87, 0x84, 0x41, 1, 0x78);
const CANCEL = Uint8Array.of(0, 0, 0, 8);

/** One frame of each flood, the n-th. */
const FLOODS: readonly (readonly [string, (n: number) => Uint8Array])[] = [
  [
    'streams that are reset at once',
    (n) => joined([http2Frame(1, 5, 2 * n + 1, REQUEST), http2Frame(3, 0, 2 * n + 1, CANCEL)]),
  ],
  ['streams that stay open', (n) => http2Frame(1, 4, 2 * n + 1, REQUEST)],
  [
    'headers that go on for ever',
    (n) => (n === 0 ? http2Frame(1, 0, 1, REQUEST) : http2Frame(9, 0, 1, Uint8Array.of(0x40, 1, 97, 1, 98))),
  ],
  ['settings', () => http2Frame(4, 0, 0, Uint8Array.of(0, 3, 0, 0, 0, 100))],
  ['pings', () => http2Frame(6, 0, 0, new Uint8Array(8))],
  ['empty data', (n) => (n === 0 ? http2Frame(1, 4, 1, REQUEST) : http2Frame(0, 0, 1))],
  ['priorities', (n) => http2Frame(2, 0, 2 * n + 1, Uint8Array.of(0, 0, 0, 0, 1))],
  ['frames that there are not', () => http2Frame(0xee, 0, 0, new Uint8Array(100))],
];

const GET = 'GET /healthz HTTP/1.1\r\nHost: x\r\n';
const POST = 'POST /v1/mesh/gossip HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';

/** What no client says, and the status that a member gets for it; `undefined` for none. */
const REQUESTS: readonly (readonly [string, string, number | undefined])[] = [
  ['two lengths', `${POST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef`, 400],
  ['a length and chunks', `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${GET}\r\n`, 400],
  ['another coding', `${POST}Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a length with a sign', `${POST}Content-Length: +5\r\n\r\nabcde`, 400],
  ['a length of a terabyte', `${POST}Content-Length: 1000000000000\r\n\r\nabc`, 413],
  ['a chunk of 2^72 bytes', `${POST}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n`, 400],
  ['a folded header', `${GET}X: a\r\n b\r\n\r\n`, 400],
  ['a space before the colon', 'GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n', 400],
  ['lines without a return', 'GET /healthz HTTP/1.1\nHost: x\n\n', 400],
  ['a zero byte', 'GET /healthz HTTP/1.1\r\nHost: x\0\r\n\r\n', 400],
  ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', 400],
  ['two hosts', `${GET}Host: y\r\n\r\n`, 400],
  ['HTTP/0.9', 'GET /healthz\r\n\r\n', 400],
  ['HTTP/2.0', 'GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n', 400],
  ['CONNECT', 'CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n', undefined],
  ['TRACE', 'TRACE /healthz HTTP/1.1\r\nHost: x\r\n\r\n', 405],
  ['a path that leads out', 'GET /v1/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n', 404],
  ['a path that is no UTF-8', 'GET /%ff%zz HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['a header of 20 KiB', `${GET}X: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  ['a thousand headers', `${GET}${Array.from({ length: 1_000 }, (_, i) => `X${i}: 1\r\n`).join('')}\r\n`, 431],
  ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc', 400],
];

describe('strangers at the port of a node (T14, T16)', () => {
  const mesh = HonestMesh.ofSuite();
  const at = (): string => mesh.victim.ready.address;

  /** A connection past its handshake; closed where that came to nothing. */
  function open(alpn: readonly string[], member?: Member, more: ConnectionOptions = {}): Promise<TLSSocket> {
    const { socket } = new HostileLink(at(), member, { ALPNProtocols: [...alpn], ...more });
    socket.removeAllListeners('data'); // this is no link
    return new Promise((resolve) =>
      socket.once('secureConnect', () => resolve(socket)).once('close', () => resolve(socket)),
    );
  }

  /** All that comes until the end, or until `isEnough`. */
  async function heard(socket: TLSSocket, isEnough: (text: string) => boolean = () => false): Promise<string> {
    let text = '';
    socket.setEncoding('latin1');
    const closed = new Promise((resolve) => socket.on('close', resolve));
    const enough = new Promise<void>((resolve) =>
      socket.on('data', (piece: string) => {
        text += piece;
        if (isEnough(text)) resolve();
      }),
    );
    if (!socket.destroyed) await Promise.race([closed, enough]);
    socket.destroy();
    return text;
  }

  for (const [what, options] of [
    ['TLS 1.2 at most', { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }],
    ['a protocol that there is not', { ALPNProtocols: ['dadm-mesh/2'] }],
  ] as const)
    it(`get no handshake with ${what}`, async () => {
      const { socket } = new HostileLink(at(), await mesh.member(), options);
      let isSecured = false;
      socket.once('secureConnect', () => (isSecured = true));
      await new Promise((resolve) => socket.once('close', resolve));
      assert.equal(isSecured, false);
    });

  it('hear nothing on a link without a certificate, and with one of another mesh', async (t) => {
    const directory = join(mesh.authority.folder, 'other');
    mkdirSync(directory, { mode: 0o700 });
    const other = await startAuthority(directory);
    t.after(() => other.close());
    const foreign = await enrollByHand(directory, other.url);
    for (const stranger of [undefined, foreign]) {
      const link = new HostileLink(at(), stranger);
      link.say(hello(stranger ?? { ...foreign, mesh: 'depot' }));
      assert.equal(await link.untilClosed(), undefined);
      assert.deepEqual(link.heard, []);
    }
  });

  it('with a chain of a hundred certificates are judged by the first few', async () => {
    const member = await mesh.member();
    const [, issuer = ''] = member.certificate.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? [];
    const long = new HostileLink(at(), {
      ...member,
      certificate: `${member.certificate}\n${`${issuer}\n`.repeat(40)}`,
    });
    long.say(hello(member));
    await Promise.race([long.until(TYPE.hello), long.untilClosed()]);
    long.end();
    await mesh.isWell();
  });

  for (const [what, request, status] of REQUESTS)
    it(`get a plain answer to ${what}`, async () => {
      for (const [who, expected] of [
        [await mesh.member(), status],
        [undefined, status === undefined || status === 400 || status === 431 ? status : 401],
      ] as const) {
        const socket = await open(['http/1.1'], who);
        socket.write(latin1(request));
        const text = await heard(socket, (said) => said.includes('\r\n\r\n'));
        assert.equal(/^HTTP\/1\.1 (\d+) /.exec(text)?.[1], expected?.toString(), text.slice(0, 200));
      }
    });

  it('are let go where they take back one HTTP/2 request after the other', async () => {
    const socket = await open(['h2'], await mesh.member());
    const [, resets] = FLOODS[0] as (typeof FLOODS)[number];
    socket.write(joined([PREFACE, ...Array.from({ length: 2 * STREAM_RESETS_MAX }, (_, n) => resets(n))]));
    let isOver = false;
    socket.resume().once('close', () => (isOver = true));
    while (!isOver) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  for (const [what, frame] of FLOODS)
    it(`keep nobody from being heard by HTTP/2 with ${what}`, async () => {
      const flood = async (who: Member | undefined): Promise<void> => {
        const socket = await open(['h2'], who);
        socket.resume().write(PREFACE);
        for (let n = 0; n < FRAMES && socket.writable; n += PIECE_FRAMES) {
          socket.write(joined(Array.from({ length: PIECE_FRAMES }, (_, i) => frame(n + i))));
          await new Promise((resolve) => setImmediate(resolve));
        }
        socket.destroy();
      };
      await Promise.all([flood(await mesh.member()), flood(undefined), mesh.isWell()]);
    });

  it('keep no member out by opening connections and saying nothing, or a byte at a time', async () => {
    const silent = await Promise.all(Array.from({ length: STRANGERS }, () => open(['http/1.1'])));
    for (const socket of silent) socket.write('G');
    const link = await HostileLink.up(at(), await mesh.member());
    assert.equal(link.isClosed, false);
    await mesh.isWell();
    for (const socket of silent) socket.destroy();
    link.end();
  });

  it('have done the members no harm', () => mesh.isWell());
});
