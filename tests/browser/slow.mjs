// A telephone in a corridor: the network is slow, the button is pressed twice, the line is cut in the middle.
import { createServer, connect } from 'node:net';
import { join } from 'node:path';
import { must, opened, picture } from './eyes.mjs';
import { Contact, named, until } from './region.mjs';

/** What the first page may weigh, with its style and its icon, and each page after it. */
const FIRST_BYTES_MAX = 60_000;
const NEXT_BYTES_MAX = 30_000;
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

/** Somebody whose network takes 400 ms to answer and brings 50 kB in a second; what it brought is counted. */
async function onSlowNetwork(browser, region, who) {
  const visitor = await Contact.of(region, browser, { ...PHONE, ...who });
  const line = await visitor.context.newCDPSession(visitor.page);
  visitor.bytes = 0;
  line.on('Network.loadingFinished', (one) => (visitor.bytes += one.encodedDataLength));
  await line.send('Network.enable');
  await line.send('Network.emulateNetworkConditions', { offline: false, latency: 400, downloadThroughput: 50_000, uploadThroughput: 50_000 });
  return visitor;
}

/** How often somebody confirmed today, as the book of acts says. */
async function confirmed(visitor) {
  await visitor.go('/acts');
  return (await visitor.text()).split('bevestigde de ontvangst van een signaal').length - 1;
}

/** The page is small enough for a slow network; and pressing twice confirms once. `who`: somebody who is logged in. */
export async function slowly(browser, region, out, who) {
  const stranger = await onSlowNetwork(browser, region, {});
  await stranger.go('/');
  must(await stranger.page.locator('#address').isVisible(), 'the first page is there');
  must(stranger.bytes > 1_000 && stranger.bytes < FIRST_BYTES_MAX, `the first page is small: ${stranger.bytes} bytes`);
  await stranger.leave();
  const visitor = await onSlowNetwork(browser, region, who);
  const { page } = visitor;
  await until(async () => (await visitor.waiting()) >= 3, 'signals to confirm');
  const [before, waiting] = [await confirmed(visitor), await visitor.waiting()];
  visitor.bytes = 0;
  await visitor.press('Openen');
  await page.locator('.child').waitFor();
  must(named(await page.locator('.child').innerText()).length > 0, 'the letter can be read');
  must(visitor.bytes < NEXT_BYTES_MAX, `the letter is small: ${visitor.bytes} bytes`);
  await picture(page, join(out, 'slow-letter.png'));

  const sent = [];
  page.on('request', (request) => request.method() === 'POST' && sent.push(request.url()));
  const button = page.getByRole('button', { name: 'Ontvangen' });
  await button.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await button.boundingBox();
  // The second time while the first is under way.
  for (const press of [1, 2]) {
    await page.mouse.click(x + width / 2, y + height / 2);
    await until(() => sent.length >= press, `press ${press} is sent`);
  }
  await page.getByRole('status').waitFor();
  must((await visitor.text()).includes('nergens meer te vinden'), 'pressed twice, the page says that it is done');
  must(sent.length === 2 && sent.every((url) => url.endsWith('/signal/received')), `pressed: ${sent}`);
  await picture(page, join(out, 'slow-received.png'));
  must((await visitor.waiting()) === waiting - 1, 'one signal is gone, and no other');
  must((await confirmed(visitor)) === before + 1, 'it was confirmed once');
  return visitor.leave();
}

/** A line between the browser and the page that can be cut: what is asked arrives, what is answered does not. */
class Line {
  static async to(port) {
    const line = new Line();
    line.cuts = 0;
    line.cutting = null;
    line.server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      let cut = false;
      near.on('data', (bytes) => {
        cut ||= line.cutting !== null && bytes.includes(line.cutting);
        far.write(bytes);
      });
      far.on('data', (bytes) => {
        if (!cut) return near.write(bytes);
        line.cuts += 1;
        near.resetAndDestroy();
        far.destroy();
      });
      for (const [one, other] of [[near, far], [far, near]]) {
        one.on('error', () => other.destroy());
        one.on('close', () => other.destroy());
      }
    });
    await new Promise((ready) => line.server.listen(0, '127.0.0.1', ready));
    line.port = line.server.address().port;
    return line;
  }
}

/** The answer is lost on its way. Whoever presses again, or loads the page again, hears that it was done; and it was done once. */
export async function cutOff(region, out, who) {
  const { port } = new URL(region.origin);
  const line = await Line.to(Number(port));
  const browser = await opened([`--host-resolver-rules=MAP localhost:${port} 127.0.0.1:${line.port}`]);
  const visitor = await Contact.of(region, browser, { ...PHONE, ...who });
  const { page } = visitor;
  const [before, waiting] = [await confirmed(visitor), await visitor.waiting()];
  must(waiting > 0, 'something is left to confirm');
  await visitor.press('Openen');
  await page.locator('.child').waitFor();
  line.cutting = 'POST /signal/received';
  await page.getByRole('button', { name: 'Ontvangen' }).click({ noWaitAfter: true });
  await until(async () => line.cuts > 0 && page.url().startsWith('chrome-error:'), 'the answer is lost');
  line.cutting = null;
  await page.reload();
  await page.getByRole('status').waitFor();
  must((await visitor.text()).includes('nergens meer te vinden'), 'pressed again, the page says that it was done');
  await picture(page, join(out, 'cut-off-again.png'));
  must((await visitor.waiting()) === waiting - 1, 'one signal is gone, and no other');
  must((await confirmed(visitor)) === before + 1, 'it was confirmed once');
  await visitor.leave();
  await browser.close();
  line.server.close();
}
