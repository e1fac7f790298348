import { expect, it } from "vitest";
import { groupOf } from "../../src/files/recency";

const at = (day: number, hour = 12): number => new Date(2026, 10, day, hour).getTime(); // 23 November 2026 is a Monday

it("groups by days of the calendar, weeks from Monday", () => {
  expect(groupOf(at(26, 0), at(26, 1))).toBe("today");
  expect(groupOf(at(25, 23), at(26, 1))).toBe("yesterday");
  expect(groupOf(at(24), at(26, 1))).toBe("week");
  expect(groupOf(at(23, 0), at(26, 1))).toBe("week");
  expect(groupOf(at(22, 23), at(26, 1))).toBe("earlier");
  expect(groupOf(at(21), at(22))).toBe("yesterday");
  expect(groupOf(at(22, 23), at(23))).toBe("yesterday");
  expect(groupOf(at(21), at(23))).toBe("earlier");
  expect(groupOf(at(27), at(26))).toBe("today"); // a clock that is behind
});
