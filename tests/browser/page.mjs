// The school's page in a real Chromium, before a whole region on this machine: as a person uses it, and by axe's rules; the desk at
// which a doubtful case is decided, and a network that is slow or cut.
//
//   node page.mjs HWC OUT     HWC: the program; OUT: a folder for screenshots
//
// Chromium is the program in HWC_CHROMIUM, or `chromium` on the PATH. When there is none this fails.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { atTheDesk } from './doubt.mjs';
import { heard, howMany, must, opened, picture } from './eyes.mjs';
import { ADDRESS, Contact, PASSPHRASE, Region, named, until } from './region.mjs';
import { cutOff, slowly } from './slow.mjs';
import { focused, tabTo } from './visitor.mjs';

const [program, out] = process.argv.slice(2);
if (!program || !out) throw new Error('usage: node page.mjs HWC OUT');
mkdirSync(out, { recursive: true });

/** Both languages: every page by axe's rules, light and dark, 320 and 1280 px; nothing of a letter is printed or marked. */
async function everyPage(browser, region, [language, words]) {
  const visitor = await Contact.of(region, browser);
  const { page } = visitor;
  await visitor.go('/');
  if (language === 'en') await visitor.press('English');
  must((await page.locator('html').getAttribute('lang')) === language, `the page is in ${language}`);
  await visitor.judge(`${language}-1-login`, out);
  await visitor.send('#address', 'nobody@school.example');
  await page.locator('#code').fill('00000000');
  await visitor.send('#passphrase', 'x');
  await page.getByRole('alert').waitFor();
  await visitor.judge(`${language}-2-code-refused`, out);
  await visitor.logIn();
  await until(async () => {
    await page.reload();
    return (await page.getByRole('button', { name: words.open }).count()) > 0;
  }, 'a signal');
  must(named(await visitor.text()).length === 0, 'the list names nobody');
  await visitor.judge(`${language}-3-inbox`, out);
  await visitor.press(words.open);
  await page.locator('.child').waitFor();
  const child = await page.locator('.child').innerText();
  must(named(child).length > 0, 'the letter names a child');
  await visitor.judge(`${language}-4-letter`, out);
  const marked = await page.evaluate(() => getComputedStyle(document.querySelector('.letter')).userSelect);
  must(marked === 'none', 'a name cannot be marked');
  await page.emulateMedia({ media: 'print' });
  must(!(await page.locator('h1').isVisible()), 'nothing is printed');
  await page.emulateMedia({ media: 'screen' });
  await visitor.press(words.received);
  await page.getByRole('status').waitFor();
  must((await visitor.text()).includes(words.gone), 'it is said that it is gone');
  const said = await until(async () => (await heard(page)).find((one) => one.role === 'status' && one.focused), 'what a screen reader begins with');
  must(said.text.includes(words.gone), 'a screen reader begins with what was done');
  await visitor.judge(`${language}-5-received`, out);
  for (const [path, name] of [['/contacts', '6-contacts'], ['/passphrase', '7-passphrase'], ['/acts', '8-acts'], ['/nowhere', '9-nowhere']]) {
    await visitor.go(path);
    await visitor.judge(`${language}-${name}`, out);
  }
  await visitor.go('/contacts');
  await page.locator('#name').fill('Bo Maas');
  await visitor.send('#address', `bo.${language}@school.example`);
  await page.locator('.spoken').waitFor();
  await visitor.judge(`${language}-a-invited`, out);
  await visitor.leave();
}

/** Reading and confirming need no script; and whoever goes back, or comes after, finds nothing. */
async function withoutScript(browser, region) {
  const visitor = await Contact.of(region, browser, { javaScriptEnabled: false, viewport: { width: 320, height: 640 } });
  const { page } = visitor;
  await visitor.logIn();
  await visitor.press('Openen');
  await page.locator('.child').waitFor();
  const child = await page.locator('.child').innerText();
  await picture(page, join(out, 'phone-letter.png'));
  must(!page.url().includes('ticket') && new URL(page.url()).search === '', 'the address says nothing');

  // Away from the open letter and back again: it is not shown a second time.
  await visitor.go('/acts');
  await back(page, child);
  await visitor.go('/');
  await visitor.press('Nog eens openen');
  await page.locator('.child').waitFor();
  await visitor.press('Ontvangen');
  await page.getByRole('status').waitFor();
  for (let times = 0; times < 6; times += 1) await back(page, child);
  await page.goForward({ timeout: 5_000 }).catch(() => null);
  must(!(await until(() => page.content().catch(() => null), 'a page to go forward to')).includes(child), 'nor forward');

  await visitor.go('/');
  await visitor.press('Uitloggen');
  await page.locator('#address').waitFor();
  for (let times = 0; times < 3; times += 1) await back(page, 'Ingelogd:');
  await visitor.leave();
}

async function back(page, never) {
  await page.goBack({ timeout: 5_000 }).catch(() => null);
  // A page that cannot be shown again is none at all; whatever settles there is what a person sees.
  const shown = await until(() => page.content().catch(() => null), 'a page to go back to');
  must(!shown.includes(never), `going back does not show ${never === 'Ingelogd:' ? 'a page of before' : 'the child'}`);
}

/** With a keyboard alone, and always seeing where one is. */
async function byKeyboard(browser, region) {
  const visitor = await Contact.of(region, browser, { viewport: { width: 390, height: 800 } });
  const { page } = visitor;
  const before = region.mails().length;
  await visitor.go('/');
  await page.keyboard.press('Tab');
  must((await focused(page)).text === 'Naar de inhoud', 'the first tab leads to the content');
  await tabTo(page, (one) => one.id === 'address');
  await page.keyboard.type(ADDRESS);
  await page.keyboard.press('Enter');
  await page.locator('#code').waitFor();
  await tabTo(page, (one) => one.id === 'code');
  await page.keyboard.type(await region.code(before));
  await tabTo(page, (one) => one.id === 'passphrase');
  await page.keyboard.type(PASSPHRASE);
  await page.keyboard.press('Enter');
  await page.locator('nav').waitFor();
  await tabTo(page, (one) => one.text === 'Openen');
  await page.keyboard.press('Enter');
  await page.locator('.child').waitFor();
  await tabTo(page, (one) => one.text === 'Geen leerling van ons');
  await page.keyboard.press('Enter');
  await page.getByRole('status').waitFor();
  must((await visitor.text()).includes('Teruggegeven.'), 'it is returned');
  must(named(await visitor.text()).length === 0, 'and gone');
  return visitor.leave();
}

const region = await Region.raise(program);
const browser = await opened();
let failed;
try {
  region.report('reports.jsonl');
  await atTheDesk(browser, region, out);
  await everyPage(browser, region, ['nl', { open: 'Openen', received: 'Ontvangen', gone: 'nergens meer te vinden' }]);
  await everyPage(browser, region, ['en', { open: 'Open', received: 'Received', gone: 'nowhere to be found' }]);
  await withoutScript(browser, region);
  const anne = await byKeyboard(browser, region);
  region.more(4);
  await cutOff(region, out, await slowly(browser, region, out, anne));
  const codes = region.mails();
  must(codes.every((mail) => named(mail).length === 0), 'no mail names anybody');
} catch (error) {
  failed = error;
}
await browser.close();
await region.lower().catch((error) => (failed ??= error));
if (failed) {
  console.error(failed);
  process.exit(1);
}
console.log(`${howMany()} passed, 0 failed`);
