import assert from 'node:assert/strict';
import { chmodSync, existsSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { makeFolder } from '../../../src/host/files/folder.ts';
import { chainmail, type ToldError } from '../../support/processes/chainmail.ts';
import { tempDir } from '../../support/temp-dir.ts';

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe('a folder that is made', () => {
  it('comes with those above it, for its owner alone', (t) => {
    const top = tempDir(t);
    makeFolder(join(top, 'a', 'b', 'c'));
    for (const path of ['a', 'a/b', 'a/b/c']) assert.equal(modeOf(join(top, path)), 0o700, path);
  });

  it('stays as it is where it is there, also behind a link', (t) => {
    const top = tempDir(t);
    makeFolder(join(top, 'a'));
    chmodSync(join(top, 'a'), 0o750);
    symlinkSync('a', join(top, 'link'));
    makeFolder(join(top, 'a'));
    makeFolder(join(top, 'link', 'b'));
    assert.equal(modeOf(join(top, 'a')), 0o750);
    assert.equal(modeOf(join(top, 'a', 'b')), 0o700);
  });

  it('is refused in the place of a file, below one, and behind a link that leads nowhere', (t) => {
    const top = tempDir(t);
    writeFileSync(join(top, 'file'), 'kept');
    symlinkSync('nowhere', join(top, 'link'));
    assert.throws(() => makeFolder(join(top, 'file')), /no directory/);
    assert.throws(() => makeFolder(join(top, 'file', 'b')), { code: 'ENOTDIR' });
    assert.throws(() => makeFolder(join(top, 'link')), { code: 'ENOENT' });
    assert.throws(() => makeFolder(join(top, 'link', 'b')), { code: 'ENOENT' });
    assert.ok(!existsSync(join(top, 'nowhere')));
  });

  const skip = existsSync('/proc/self') ? false : 'there is no /proc';

  it('is refused, not tried for ever, where the system lets nobody make one', { skip }, async () => {
    assert.throws(() => makeFolder('/proc/chainmail/a'), { code: 'ENOENT' });
    for (const command of [
      ['up', '--nodes', '1'],
      ['signer', 'keys', 'generate', '--count', '1'],
    ]) {
      const { code, stdout } = await chainmail([...command, '--dir', '/proc/chainmail', '--json']);
      assert.equal(code, 1, stdout);
      const { error } = JSON.parse(stdout) as ToldError;
      assert.equal(error.code, 'ERR_CONFIG', error.message);
      assert.match(error.message, /^directory "\/proc\/chainmail" cannot be used: ENOENT/);
    }
  });
});
