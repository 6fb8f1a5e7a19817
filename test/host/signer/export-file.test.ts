import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ExportFile } from '../../../src/host/signer/export-file.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('the file of an export', () => {
  it('appears whole, in the place of an older one, and not before it is finished', async (t) => {
    const path = join(tempDir(t), 'out');
    writeFileSync(path, 'older');
    const file = await ExportFile.open(path);
    await file.write('one');
    await file.write('two');
    assert.equal(readFileSync(path, 'utf8'), 'older');
    await file.finish();
    assert.equal(readFileSync(path, 'utf8'), 'onetwo');
  });

  it('leaves nothing when it is given up', async (t) => {
    const folder = tempDir(t);
    const file = await ExportFile.open(join(folder, 'out'));
    await file.write('one');
    await file.discard();
    assert.deepEqual(readdirSync(folder), []);
  });

  it('takes away what a killed process left, and nothing else', async (t) => {
    const folder = tempDir(t);
    const { pid } = spawnSync('true'); // over by now
    const others = [`out.${process.pid}-00000000.draft`, `out2.${pid}-00000000.draft`, 'out.draft'];
    for (const name of [...others, `out.${pid}-00000000.draft`]) writeFileSync(join(folder, name), '');
    const file = await ExportFile.open(join(folder, 'out'));
    await file.finish();
    assert.deepEqual(readdirSync(folder).sort(), [...others, 'out'].sort());
  });

  it('is written straight to what is no file: a device stays one', async (t) => {
    const folder = tempDir(t);
    const pipe = join(folder, 'pipe');
    assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
    const reading = readFile(pipe, 'utf8');
    const file = await ExportFile.open(pipe);
    await file.write('through');
    await file.finish();
    assert.equal(await reading, 'through');
    assert.ok(statSync(pipe).isFIFO());
    assert.deepEqual(readdirSync(folder), ['pipe']);
    const full = await ExportFile.open('/dev/full');
    await assert.rejects(full.write('x'), { code: 'ENOSPC' });
    await full.discard();
    assert.ok(statSync('/dev/full').isCharacterDevice());
  });

  it('says what cannot be written', async (t) => {
    const folder = tempDir(t);
    mkdirSync(join(folder, 'folder'));
    for (const path of [join(folder, 'missing', 'out'), join(folder, 'folder')])
      await assert.rejects(ExportFile.open(path), { code: 'ERR_INPUT' });
  });
});
