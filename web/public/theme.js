// Runs before the first paint, so that a fixed theme never flashes the other
// one. A file of its own, because the content policy allows no inline script.
(function () {
  try {
    var theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is closed to us: the theme follows the system.
  }
})();
