import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { REPOSITORY } from '../../tools/repository.ts';
import { tempDir } from '../support/temp-dir.ts';

const HELM = process.env['CHAINMAIL_HELM'] ?? join(REPOSITORY, '.ci-cache', 'helm', 'helm');
const CHART = join(REPOSITORY, 'deploy', 'helm', 'chainmail-signer');
const skip = !existsSync(HELM) && 'helm not installed; set CHAINMAIL_HELM';

/** What the chart writes: the type that each kind must have, spelled as `kubernetes-models` exports it. */
const TYPES: Readonly<Record<string, readonly [string, string]>> = {
  Deployment: ['IDeployment', 'apps/v1'],
  HorizontalPodAutoscaler: ['IHorizontalPodAutoscaler', 'autoscaling/v2'],
  NetworkPolicy: ['INetworkPolicy', 'networking.k8s.io/v1'],
  PodDisruptionBudget: ['IPodDisruptionBudget', 'policy/v1'],
  Secret: ['ISecret', 'v1'],
  Service: ['IService', 'v1'],
  ServiceAccount: ['IServiceAccount', 'v1'],
  StatefulSet: ['IStatefulSet', 'apps/v1'],
};

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: Readonly<Record<string, unknown>>;
}

function helm(...args: readonly string[]) {
  return spawnSync(HELM, args, { encoding: 'utf8' });
}

function render(...values: readonly string[]): Manifest[] {
  const { status, stdout, stderr } = helm('template', 'rel', CHART, ...values.flatMap((value) => ['--set', value]));
  assert.equal(status, 0, stderr);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
}

/**
 * Holds manifests against the types of the Kubernetes API by the type checker, which finds wrong types and, unlike
 * `helm lint` and JSON schemas, members that do not exist.
 */
function assertTyped(t: TestContext, manifests: readonly Manifest[]): void {
  const folder = tempDir(t);
  symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  const lines = manifests.map((manifest, i) => {
    const [type, path] = TYPES[manifest.kind] ?? assert.fail(`no type for ${manifest.kind}`);
    return `export const m${i}: import('kubernetes-models/${path}').${type} = ${JSON.stringify(manifest, null, 1)};`;
  });
  writeFileSync(join(folder, 'manifests.ts'), lines.join('\n'));
  const options = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--module',
    'nodenext',
    '--target',
    'esnext',
    '--types',
    '',
  ];
  const tsc = join(REPOSITORY, 'node_modules', '.bin', 'tsc');
  const { status, stdout } = spawnSync(tsc, [...options, 'manifests.ts'], { cwd: folder, encoding: 'utf8' });
  assert.equal(status, 0, stdout);
}

describe('the Helm chart', { skip }, () => {
  it('passes helm lint --strict', () => {
    const { status, stdout } = helm('lint', '--strict', CHART);
    assert.equal(status, 0, stdout);
  });

  it('renders what the Kubernetes API takes, with every choice of values', (t) => {
    const variants = [
      [],
      ['autoscaling.enabled=false', 'replicas=5'],
      ['mongodb.enabled=false', 'store.secret=db'],
      ['networkPolicy.enabled=false'],
    ];
    assertTyped(
      t,
      variants.flatMap((values) => render(...values)),
    );
  });

  it('would notice a wrong type and a member that does not exist', (t) => {
    const [manifest] = render().filter(({ kind }) => kind === 'Deployment') as [Manifest];
    for (const wrong of [{ replicas: '2' }, { replica: 2 }])
      assert.throws(() => assertTyped(t, [{ ...manifest, spec: { ...manifest.spec, ...wrong } }]), /error TS/);
  });

  it('has no ingress, and lets nobody in but replicas and marked callers', () => {
    const manifests = render();
    assert.deepEqual([...new Set(manifests.map(({ kind }) => kind))].sort(), Object.keys(TYPES).sort());
    const service = manifests.find(({ kind, metadata }) => kind === 'Service' && metadata.name === 'rel-signer');
    assert.equal(service?.spec?.['type'], 'ClusterIP');
    assert.equal(manifests.filter(({ kind }) => kind === 'NetworkPolicy').length, 2);
  });

  it('puts no secret into the command line, and runs without rights', () => {
    const deployment = JSON.stringify(render().find(({ kind }) => kind === 'Deployment'));
    assert.doesNotMatch(deployment, /mongodb:\/\//);
    for (const text of [
      '"runAsNonRoot":true',
      '"readOnlyRootFilesystem":true',
      '"drop":["ALL"]',
      'readinessProbe',
      'livenessProbe',
    ])
      assert.ok(deployment.includes(text), text);
  });

  it('refuses values that are wrong, misspelt or missing', () => {
    for (const values of ['replicas=x', 'replica=3', 'keys.secret=', 'logLevel=loud', 'mongodb.enabled=false'])
      assert.notEqual(helm('template', 'rel', CHART, '--set', values).status, 0, values);
  });
});
