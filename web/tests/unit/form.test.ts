import { expect, test } from "vitest";
import { ApiProblem } from "../../src/api/problem";
import { FormState } from "../../src/ui/form.svelte";

function make() {
  const typed = { name: "", email: "" };
  const form = new FormState({
    fields: ["name", "email"],
    check: () => ({ ...(typed.email ? {} : { email: "no email" }), ...(typed.name ? {} : { name: "no name" }) }),
    codes: { email_invalid: "email" },
  });
  return { form, typed };
}

test("nothing is said before the first submit, then all at once and in order", async () => {
  const { form, typed } = make();
  form.changed("name");
  expect(form.failed).toBe(false);
  expect(await form.submit(async () => expect.unreachable())).toBe(false);
  expect(form.wrong.map((one) => one.field)).toEqual(["name", "email"]);
  typed.name = "Anna";
  form.changed("name");
  expect(form.wrong.map((one) => one.field)).toEqual(["email"]);
});

test("what the server refuses stays marked until it is changed", async () => {
  const { form, typed } = make();
  typed.name = typed.email = "x";
  await form.submit(() => Promise.reject(new ApiProblem({ code: "email_invalid", status: 422 })));
  expect(form.error("email")).toContain("name@example.com");
  form.changed("name");
  expect(form.error("email")).toBeTruthy();
  form.changed("email");
  expect(form.failed).toBe(false);
});

test("fields that the server names are shown at the field, others above the form", async () => {
  const { form, typed } = make();
  typed.name = typed.email = "x";
  await form.submit(() => Promise.reject(new ApiProblem({ code: "invalid", status: 422, fields: { name: "Too long.", other: "?" } })));
  expect(form.wrong).toEqual([{ field: "name", text: "Too long." }]);
  expect(form.general).toBeUndefined();
  await form.submit(() => Promise.reject(new ApiProblem({ code: "internal", status: 500, ref: "7Q2M-4K" })));
  expect(form.general).toMatchObject({ ref: "7Q2M-4K" });
});

test("a second press while it runs does nothing", async () => {
  const { form, typed } = make();
  typed.name = typed.email = "x";
  let runs = 0;
  let finish = () => {};
  const first = form.submit(() => new Promise<void>((yes) => ((runs++, (finish = yes)))));
  expect(await form.submit(async () => runs++)).toBe(false);
  finish();
  expect(await first).toBe(true);
  expect(runs).toBe(1);
});
