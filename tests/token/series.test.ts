import { describe, expect, test } from '@jest/globals';
import { firstOfSeries, nameInSeries, numberIn } from '../../src/token/series.js';
import { parseTokenName } from '../../src/token/token-name.js';
import { errorOf } from '../support/fixtures.js';

const series = (name: string) => firstOfSeries(parseTokenName(name));

describe('A series', () => {
  test.each([
    ['node', 'node'],
    ['node_r2', 'node'],
    ['node_r10', 'node'],
    ['node-2', 'node-2'],
    ['node_r1', 'node_r1'],
    ['node_r02', 'node_r02'],
    ['node_r', 'node_r'],
  ])('to which %s belongs begins with %s', (name, base) => {
    expect(series(name)).toBe(base);
  });

  test.each([
    ['node', 1],
    ['node_r2', 2],
    ['node_r11', 11],
    ['node-2', undefined],
    ['node_r1', undefined],
    ['node_r02', undefined],
    ['other_r2', undefined],
  ])('of node has %s at the place %s', (name, number) => {
    expect(numberIn(series('node'), name)).toBe(number);
  });

  test('has no name of more than 256 characters', () => {
    expect(nameInSeries(series('x'.repeat(253)), 2)).toHaveLength(256);
    const { code } = errorOf(() => nameInSeries(series('x'.repeat(254)), 2));
    expect(code).toBe('INVALID_TOKEN_NAME');
  });
});
