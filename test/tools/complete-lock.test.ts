import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { missingEntries } from '../../tools/complete-lock.ts';
import { REPOSITORY } from '../../tools/repository.ts';

describe('the lock file', () => {
  it('has every platform of every tool, or npm ci refuses it', () => {
    const lock = JSON.parse(readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8')) as Parameters<
      typeof missingEntries
    >[0];
    assert.deepEqual(missingEntries(lock), {});
  });

  it('locks by hash all that a user installs', () => {
    const { packages } = JSON.parse(readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean; integrity?: string }>;
    };
    const open = Object.entries(packages).filter(([path, { dev, integrity }]) => path && !dev && !integrity);
    assert.deepEqual(open, []);
  });

  it('is completed by platform, libc included', () => {
    const packages = {
      'node_modules/tool': {
        version: '1.2.3',
        dev: true,
        optionalDependencies: { '@tool/linux-x64-gnu': '1.2.3', '@tool/linux-arm64-musl': '1.2.3' },
      },
      'node_modules/@tool/linux-x64-gnu': { version: '1.2.3' },
    };
    assert.deepEqual(missingEntries({ packages }), {
      'node_modules/@tool/linux-arm64-musl': {
        version: '1.2.3',
        cpu: ['arm64'],
        dev: true,
        libc: ['musl'],
        optional: true,
        os: ['linux'],
      },
    });
  });
});
