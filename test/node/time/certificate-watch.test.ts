import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { after, HOUR_MS, MINUTE_MS, type UnixMs } from '../../../src/base/time.ts';
import { certificateStateAt, CertificateWatch } from '../../../src/node/time/certificate-watch.ts';
import { BACKDATE_MS } from '../../../src/pki/x509/certificate/certificate-build.ts';
import { NOW_MS } from '../../support/mesh/mesh-fixture.ts';

const CERTIFICATE = { notBefore: after(NOW_MS, -BACKDATE_MS), notAfter: after(NOW_MS, 30 * HOUR_MS) };

/** What is told, and after how many hours, to one who asks each minute. */
function told(fromHour: number, toHour: number, watch = new CertificateWatch(CERTIFICATE)): string[] {
  const said: string[] = [];
  for (let ms = fromHour * HOUR_MS; ms <= toHour * HOUR_MS; ms += MINUTE_MS) {
    const state = watch.handleTimeout((NOW_MS + ms) as UnixMs);
    if (state !== undefined) said.push(`${state} ${ms / HOUR_MS}`);
  }
  return said;
}

describe('the watch on a node’s own certificate', () => {
  it('tells of the end once when a third of the life is left, each hour in the last tenth, and when it has come', () => {
    assert.deepEqual(told(0, 32), [
      'ending 20',
      'ending 27',
      'ending 28',
      'ending 29',
      'ended 30',
      'ended 31',
      'ended 32',
    ]);
  });

  it('tells at once what has come before it began', () => {
    assert.deepEqual(told(22, 26), ['ending 22']);
    assert.deepEqual(told(40, 40.5), ['ended 40']);
  });

  it('says that it is good again where the clock was wrong, and then nothing', () => {
    const watch = new CertificateWatch(CERTIFICATE);
    assert.deepEqual(told(50, 50, watch), ['ended 50']);
    assert.deepEqual(told(1, 2, watch), []);
    assert.deepEqual(told(21, 22, watch), ['ending 21']);
    assert.equal(certificateStateAt(CERTIFICATE, after(NOW_MS, 30 * HOUR_MS)), 'ended');
  });
});
