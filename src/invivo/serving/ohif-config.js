// OHIF's configuration for this archive. It is served as it stands here, whatever lay in OHIF's package.

// Images that need an account, or the owner's approval, stay black; say why, once.
function isRefusal(error) {
  const status = error && (error.status || (error.request && error.request.status));
  if (status !== 401 && status !== 403) return false;
  tellOfRefusal(status);
  return true;
}

function tellOfRefusal(status) {
  if (document.getElementById('invivo-refusal')) return;
  const bar = document.createElement('div');
  bar.id = 'invivo-refusal';
  bar.setAttribute('role', 'alert');
  bar.style.cssText =
    'position:fixed;left:50%;top:64px;transform:translateX(-50%);z-index:9999;padding:12px 20px;border-radius:6px;' +
    'background:#fff;color:#111;font:15px/1.4 system-ui,sans-serif;box-shadow:0 4px 24px rgb(0 0 0 / .5);max-width:90vw';
  bar.append(
    status === 401
      ? 'These images are shown to those who have an account here. '
      : 'These images are shown to those whom their owner lets see them. '
  );
  if (status === 401) {
    const link = document.createElement('a');
    link.href = '/sign-in?next=' + encodeURIComponent(location.pathname + location.search);
    link.textContent = 'Sign in';
    link.style.cssText = 'color:#0b57d0;text-decoration:underline';
    bar.append(link);
  }
  document.body.append(bar);
}

// Two things that OHIF calls errors are none to its user: an image that comes late for a viewport which was replaced while a
// segmentation or a structure set was opened, and a refusal, of which we tell ourselves.
function passOver(event) {
  const reason = event.reason || event.error;
  const isLate = /viewport has been destroyed/.test(String(reason && reason.message));
  if (!isLate && !isRefusal(reason)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}
addEventListener('unhandledrejection', passOver);
addEventListener('error', passOver);

window.config = {
  routerBasename: '/viewer/ohif/',
  showStudyList: true,
  extensions: [],
  modes: [],
  showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: false,
  showLoadingIndicator: true,
  strictZSpacingForVolumeViewport: true,
  maxNumberOfWebWorkers: 3,
  investigationalUseDialog: { option: 'never' },
  disableConfirmationPrompts: true,
  customizationService: [{ 'ohif.tours': { $set: [] } }],
  // OHIF calls this without asking whether there is one.
  httpErrorHandler: isRefusal,
  defaultDataSourceName: 'invivo',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'invivo',
      configuration: {
        friendlyName: 'This archive',
        name: 'invivo',
        wadoUriRoot: '/wado',
        qidoRoot: '/dicom-web',
        wadoRoot: '/dicom-web',
        qidoSupportsIncludeField: true,
        supportsReject: false,
        dicomUploadEnabled: false,
        imageRendering: 'wadors',
        thumbnailRendering: 'wadors',
        enableStudyLazyLoad: true,
        supportsFuzzyMatching: false,
        supportsWildcard: true,
        staticWado: false,
        singlepart: 'bulkdata,video,pdf',
        bulkDataURI: { enabled: true, relativeResolution: 'series' },
        omitQuotationForMultipartRequest: true,
        acceptHeader: ['multipart/related; type=application/octet-stream; transfer-syntax=*'],
      },
    },
  ],
};
