import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { SCENARIO_DEFAULTS, type ScenarioOptions } from '../../src/sim/scenario.ts';
import { SCENARIOS } from '../../src/sim/scenarios/table.ts';

/** Replaces a method of the field's code by a faulty one until the test ends. */
export function plant<T extends object, K extends keyof T>(
  t: TestContext,
  prototype: T,
  name: K,
  fault: (original: T[K]) => T[K],
): void {
  const original = prototype[name];
  prototype[name] = fault(original);
  t.after(() => {
    prototype[name] = original;
  });
}

/** What a scenario of twenty nodes finds, one a line. */
export async function violationsOf(name: string, options: Partial<ScenarioOptions> = {}): Promise<string> {
  const scenario = SCENARIOS.find((known) => known.name === name);
  assert.ok(scenario !== undefined);
  const { ok, violations } = await scenario.run({ ...SCENARIO_DEFAULTS, nodes: 20, messages: 5, ...options });
  assert.equal(ok, violations.length === 0);
  return violations.join('\n');
}
