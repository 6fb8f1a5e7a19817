import assert from 'node:assert/strict';
import { once } from 'node:events';
import { before, describe, it, type TestContext } from 'node:test';
import { withoutCertificate } from '../../../src/host/tls/session-bytes.ts';
import { nodeNames } from '../../../src/pki/mesh/mesh-names.ts';
import { type Member, TestMesh } from '../../support/mesh/nodes-on-loopback.ts';
import { Door } from '../../support/mesh/tls-door.ts';
import { RawTls } from '../../support/raw-tls.ts';

describe('a session without the certificate that is in it', () => {
  let mesh: TestMesh;
  let server: Member;
  let client: Member;
  before(async () => {
    mesh = await TestMesh.make();
    [server, client] = [await mesh.member(), await mesh.member()];
  });

  /** A session of the server, under the name that a dialler gives. */
  async function given(t: TestContext): Promise<{ readonly door: Door; readonly servername: string; session: Buffer }> {
    const door = await Door.open(t, mesh, server);
    const servername = nodeNames(mesh.mesh, server.nodeId).dns;
    const { socket } = new RawTls(door.port.address, client.tls, { servername });
    const [session] = (await once(socket, 'session')) as [Buffer];
    socket.destroy();
    return { door, servername, session };
  }

  it('resumes, and holds no certificate', async (t) => {
    const { door, servername, session } = await given(t);
    const leaf = (server.chain[0] as { readonly der: Uint8Array }).der;
    assert.ok(session.includes(leaf), 'it was there');
    const spared = withoutCertificate(session);
    assert.ok(!spared.includes(leaf));
    assert.ok(spared.length < session.length - leaf.length);

    const resumed = new RawTls(door.port.address, undefined, { servername, session: spared });
    await resumed.secured();
    assert.equal(resumed.socket.isSessionReused(), true);
    assert.equal(resumed.socket.getPeerX509Certificate(), undefined);
    await resumed.untilReceived(1);
    assert.deepEqual(door.arrivals.at(-1), { nodeId: client.nodeId, isLink: true, isResumed: true });
    resumed.socket.destroy();
  });

  it('stays bound to the name that was dialled', async (t) => {
    const { door, session } = await given(t);
    const servername = nodeNames(mesh.mesh, client.nodeId).dns;
    const other = new RawTls(door.port.address, client.tls, { servername, session: withoutCertificate(session) });
    await other.secured();
    assert.equal(other.socket.isSessionReused(), false);
    other.socket.destroy();
  });

  it('is what it was where it has another form', async (t) => {
    const { session, servername } = await given(t);
    const at = session.indexOf(servername) + servername.length;
    for (const other of [
      Buffer.alloc(0),
      Buffer.from('\0nodejs:tls:session:1\0'),
      Buffer.from('\0nodejs:tls:session:2\0\0\0'),
      session.subarray(0, session.length - 1),
      Buffer.concat([session, Buffer.of(0)]),
      session.subarray(0, at),
    ])
      assert.deepEqual(withoutCertificate(other), other);
  });
});
