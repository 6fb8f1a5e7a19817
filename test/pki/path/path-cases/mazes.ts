import { type Recipe, type Unread } from '../../../support/make-certificate.ts';
import { ca, type Cases, expired, forge, leafOf, named, narrow, parts, root, twin } from './builder.ts';

export const MAZES: Cases = [
  [
    'a cycle beside the path',
    true,
    () => {
      const [one, two] = [named('one'), named('two')];
      const a = ca(one);
      const b = ca({ ...two, issuer: a });
      const back = ca({ ...one, issuer: b });
      return parts(leafOf(b), [back, b, a]);
    },
  ],
  [
    'a cycle alone',
    false,
    () => {
      const [one, two] = [named('one'), named('two')];
      const a = forge({ ...one, isCa: true });
      const b = ca({ ...two, issuer: a });
      const back = ca({ ...one, issuer: b });
      return parts(leafOf(b), [b, back]);
    },
  ],
  [
    'a cycle of one',
    false,
    () => {
      const a = forge(named('loop'));
      return parts(leafOf(a), [a, twin(a, { issuer: a })]);
    },
  ],
  [
    'a cycle of three, and any depth',
    false,
    () => {
      const names = ['x', 'y', 'z'].map((name) => named(name));
      const firsts = names.map((recipe) => forge(recipe));
      const pool = names.flatMap((recipe, i) =>
        firsts.filter((_, j) => j !== i).map((issuer) => ca({ ...recipe, issuer })),
      );
      return parts(leafOf(firsts[0] as Unread), pool, [root], { depthMax: 255 });
    },
  ],
  [
    'a maze with one way out',
    true,
    () => {
      const names = Array.from({ length: 10 }, (_, i) => named(`m${i}`));
      const nodes = names.map((recipe) => forge(recipe));
      const pool = names.flatMap((recipe, i) =>
        nodes.filter((_, j) => j !== i).map((issuer) => ca({ ...recipe, issuer })),
      );
      return parts(leafOf(nodes[0] as Unread), [...pool, ca(names[9])]);
    },
  ],
  [
    'a maze with one way out of limited length',
    true,
    () => {
      const names = Array.from({ length: 10 }, (_, i) => named(`m${i}`));
      const nodes = names.map((recipe) => forge(recipe));
      const pool = names.flatMap((recipe, i) =>
        nodes.filter((_, j) => j !== i).map((issuer) => ca({ ...recipe, issuer })),
      );
      return parts(leafOf(nodes[0] as Unread), [...pool, ca({ ...(names[9] as Recipe), pathLenMax: 1 })]);
    },
  ],
  [
    'a maze without a way out',
    false,
    () => {
      const names = Array.from({ length: 10 }, (_, i) => named(`m${i}`));
      const nodes = names.map((recipe) => forge(recipe));
      const pool = names.flatMap((recipe, i) =>
        nodes.filter((_, j) => j !== i).map((issuer) => ca({ ...recipe, issuer })),
      );
      return parts(leafOf(nodes[0] as Unread), pool);
    },
  ],
  [
    'one valid among many expired',
    true,
    () => {
      const a = ca(named('ca'));
      return parts(leafOf(a), [...Array.from({ length: 100 }, () => twin(a, expired)), a]);
    },
  ],
  [
    'one right among many of its name',
    true,
    () => {
      const a = ca(named('ca'));
      return parts(leafOf(a), [...Array.from({ length: 150 }, () => ca({ subject: a.subject })), a]);
    },
  ],
  [
    'two levels of many, one of each valid',
    true,
    () => {
      const a = ca(named('upper'));
      const b = ca(named('lower', { issuer: a }));
      const many = Array.from({ length: 20 }, () => [twin(a, narrow), twin(b, { issuer: a, ...narrow })]).flat();
      return parts(leafOf(b), [...many, b, a]);
    },
  ],
  [
    'five hundred twins',
    false,
    () => {
      const a = ca(named('ca'));
      return parts(
        leafOf(a),
        Array.from({ length: 500 }, () => twin(a, narrow)),
      );
    },
  ],
];
