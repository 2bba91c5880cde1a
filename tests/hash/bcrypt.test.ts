import { afterEach, describe, expect, test } from '@jest/globals';
import { BCRYPT_SALT_BYTES, bcryptLike, bcryptSettings } from '../../src/hash/bcrypt.js';
import { BcryptThread } from '../../src/hash/bcrypt-thread.js';
import { turnsDuring } from '../support/turns.js';

const salt = Uint8Array.from({ length: BCRYPT_SALT_BYTES }, (_, i) => i * 13);

test.each(['$2a$', '$2b$', '$2y$'])('bcryptLike keeps the prefix %s of a stored hash', async (prefix) => {
  const stored = prefix + (await bcryptLike('secret', bcryptSettings(4, salt))).slice(4);
  expect(await bcryptLike('secret', stored)).toBe(stored);
});

test('bcrypt writes the cost in two digits', async () => {
  expect(await bcryptLike('secret', bcryptSettings(10, salt))).toMatch(/^\$2a\$10\$[./A-Za-z0-9]{53}$/);
});

describe('BcryptThread', () => {
  const thread = new BcryptThread();
  afterEach(() => thread.close());

  test('gives the same hash as this thread does, for each of many that are asked at once', async () => {
    const stored = await bcryptLike('secret', bcryptSettings(4, salt));
    const hashes = await Promise.all(
      ['secret', 'other', 'secret'].map((secret) => thread.hashLike(secret, stored)),
    );
    expect(hashes).toEqual([stored, await bcryptLike('other', stored), stored]);
  });

  test('computes nothing in this thread: the event loop turns thousands of times during ten hashes', async () => {
    const stored = await bcryptLike('secret', bcryptSettings(8, salt));
    await thread.hashLike('secret', stored); // it is started by now
    const turns = await turnsDuring(() =>
      Promise.all(Array.from({ length: 10 }, () => thread.hashLike('secret', stored))),
    );
    expect(turns).toBeGreaterThan(100); // with bcryptjs in this thread, it would turn once or twice per hash
  });

  test('starts again after it was closed', async () => {
    const stored = await bcryptLike('secret', bcryptSettings(4, salt));
    await thread.hashLike('secret', stored);
    await thread.close();
    expect(await thread.hashLike('secret', stored)).toBe(stored);
  });

  test('refuses what is under way when it is closed', async () => {
    const stored = await bcryptLike('secret', bcryptSettings(4, salt));
    const answer = thread.hashLike('secret', stored.replace('$04$', '$14$'));
    const refused = expect(answer).rejects.toMatchObject({ code: 'IO' });
    await thread.close();
    await refused;
  });
});
