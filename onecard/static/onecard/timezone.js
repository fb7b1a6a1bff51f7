// Tells the back office this browser's time zone, its first guess until the account names one (onecard/desk/viewer.py).
(function () {
    "use strict";
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
    const secure = location.protocol === "https:" ? "; secure" : "";
    if (/^[A-Za-z0-9_+\/-]{1,64}$/.test(zone)) {
        document.cookie = "onecard_time_zone=" + zone + "; path=/admin/; max-age=31536000; samesite=lax" + secure;
    }
})();
