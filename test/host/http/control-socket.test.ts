import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { SOCKET_PATH_BYTES_MAX, withSocketPath } from '../../../src/host/http/control-socket.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('the path of a control socket', { skip: process.platform !== 'linux' && 'needs /proc' }, () => {
  it('is lent as it is while the kernel takes it, and by way of its folder beyond', async (t) => {
    const folder = tempDir(t);
    const pathOf = (bytes: number): string => join(folder, 'd'.repeat(bytes - folder.length - 3), 's');
    const [longest, longer] = [pathOf(SOCKET_PATH_BYTES_MAX), pathOf(SOCKET_PATH_BYTES_MAX + 1)];
    assert.equal(Buffer.byteLength(longest), SOCKET_PATH_BYTES_MAX);
    for (const path of [longest, longer]) {
      mkdirSync(dirname(path));
      const server = createServer((socket) => socket.end('here'));
      t.after(() => server.close());
      const lent = await withSocketPath(path, async (short) => {
        await once(server.listen(short), 'listening');
        return short;
      });
      assert.equal(lent === path, path === longest);
      const said = await withSocketPath(path, async (short) => String((await once(connect(short), 'data'))[0]));
      assert.equal(said, 'here');
    }
  });
});
