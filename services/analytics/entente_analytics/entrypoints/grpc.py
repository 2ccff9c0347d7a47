"""The gRPC API: its methods, and who may call which."""

from entente.analytics.v1 import service_pb2_grpc
from entente_analytics.entrypoints.content_methods import ContentMethods
from entente_analytics.entrypoints.link_methods import LinkMethods
from entente_analytics.entrypoints.report_methods import ReportMethods
from entente_analytics.entrypoints.sale_methods import SaleMethods
from entente_chassis.rpc import Access, Role

_BRAND = frozenset({Role.BRAND, Role.AGENCY, Role.OPERATOR, Role.SERVICE})
_BRAND_OR_CREATOR = _BRAND | {Role.CREATOR}

ACCESS: Access = {
    "CreateTrackedLink": _BRAND,
    "GetTrackedLink": _BRAND_OR_CREATOR,
    "GetTrackedLinkQrCode": _BRAND_OR_CREATOR,
    "ListTrackedLinks": _BRAND_OR_CREATOR,
    "CreatePromoCode": _BRAND,
    "GeneratePromoCodes": _BRAND,
    "ListPromoCodes": _BRAND_OR_CREATOR,
    "RotatePostbackSecret": _BRAND,
    "RecordConversion": _BRAND,
    "RecordRefund": _BRAND,
    "ImportOrders": _BRAND,
    "ExplainAttribution": _BRAND,
    "RecomputeAttribution": _BRAND,
    "ReportContentMetrics": _BRAND_OR_CREATOR,
    "ImportContentMetrics": _BRAND,
    "FetchContentMetrics": _BRAND,
    "RecordComments": _BRAND_OR_CREATOR,
    "GetCampaignKpis": _BRAND,
    "GetObjectiveProgress": _BRAND,
    "GetCampaignReport": _BRAND,
    "GetCampaignComparison": _BRAND,
    "GetReportPage": _BRAND,
    "ExportFigures": _BRAND,
    "RebuildFigures": frozenset({Role.OPERATOR}),
}


class AnalyticsServicer(
    LinkMethods, SaleMethods, ContentMethods, ReportMethods, service_pb2_grpc.AnalyticsServiceServicer
):
    """Serves AnalyticsService."""
