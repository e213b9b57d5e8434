"""A fake cloud: it accepts every resource, remembers each request, and computes what we read."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from inspect import isawaitable
from typing import Any, TypeVar

import hypothesis
import pulumi
import pytest
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, rpc, set_all_config, set_mocks
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto import source_pb2
from pulumi.runtime.settings import reset_options

# A shared machine may be slow at any moment; that is no fault of an example.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")

T = TypeVar("T")


# Outputs the real provider would fill in, for the types whose outputs we read.
_COMPUTED: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "aws:autoscaling/group:Group": lambda name: {"name": name},
    "aws:ec2/eip:Eip": lambda name: {"allocationId": f"{name}-allocation"},
    "aws:ec2/launchTemplate:LaunchTemplate": lambda _: {"latestVersion": 7},
    "aws:eks/nodeGroup:NodeGroup": lambda name: {"nodeGroupName": name},
    "aws:iam/instanceProfile:InstanceProfile": lambda name: {
        "arn": f"arn:aws:iam::123456789012:instance-profile/{name}"
    },
    "aws:iam/role:Role": lambda name: {
        "arn": f"arn:aws:iam::123456789012:role/{name}",
        "name": name,
    },
    "aws:kms/key:Key": lambda name: {
        "arn": f"arn:aws:kms:us-west-2:123456789012:key/{name}",
        "keyId": name,
    },
    "aws:cloudwatch/eventRule:EventRule": lambda name: {
        "arn": f"arn:aws:events:us-west-2:123456789012:rule/{name}",
        "name": name,
    },
    "aws:sqs/queue:Queue": lambda name: {
        "arn": f"arn:aws:sqs:us-west-2:123456789012:{name}",
        "url": f"https://sqs.invalid/{name}",
    },
    "aws:s3/bucket:Bucket": lambda name: {"arn": f"arn:aws:s3:::{name}-id"},
    "gcp:compute/address:Address": lambda name: {"address": "10.60.0.9", "name": name},
    "gcp:compute/globalAddress:GlobalAddress": lambda name: {
        "address": "203.0.113.9",
        "name": name,
    },
    "gcp:compute/network:Network": lambda name: {"name": name},
    "gcp:compute/router:Router": lambda name: {"name": name},
    "gcp:compute/regionSslPolicy:RegionSslPolicy": lambda name: {"name": name},
    "gcp:compute/sSLPolicy:SSLPolicy": lambda name: {"name": name},
    "gcp:compute/securityPolicy:SecurityPolicy": lambda name: {"name": name},
    "gcp:compute/subnetwork:Subnetwork": lambda name: {"name": name},
    "gcp:container/cluster:Cluster": lambda _: {
        "endpoint": "203.0.113.7",
        "masterAuth": {"clusterCaCertificate": "Q0E="},
        "controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"endpoint": "gke-0123.invalid"}},
    },
    "gcp:container/nodePool:NodePool": lambda name: {"name": name},
    "gcp:serviceaccount/account:Account": lambda name: {
        "email": f"{name}@my-project.iam.gserviceaccount.com"
    },
    "gcp:storage/bucket:Bucket": lambda name: {"name": f"{name}-name"},
    "kubernetes:core/v1:Service": lambda _: {
        "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.8"}]}}
    },
    "kubernetes:networking.k8s.io/v1:Ingress": lambda name: {
        "status": {"loadBalancer": {"ingress": [{"hostname": f"{name}.elb.invalid"}]}}
    },
}


class Cloud(Mocks):
    """Runs programs and answers questions about what they asked for."""

    def __init__(self) -> None:
        self.stacks: dict[str, Mapping[str, Any]] = {}
        """The outputs of other stacks, by their whole names."""
        self._monitor = _Recorder(self)
        set_mocks(
            self,
            project="tfserving",
            stack="test",
            organization="organization",
            preview=False,
            monitor=self._monitor,
        )

    def close(self) -> None:
        """Leave nothing behind for the next test to trip over."""
        reset_options()
        set_all_config({}, [])
        for loop in self._monitor.worker_loops:
            loop.close()

    def run(self, program: Callable[[], T | Awaitable[T]]) -> T:
        """Run a program until every registration has landed, then return its result."""
        results: list[T] = []

        async def run() -> None:
            result = program()
            results.append(await result if isawaitable(result) else result)

        pulumi.runtime.test(run)()
        return results[0]

    def value(self, output: pulumi.Output[T]) -> T:
        """Return what an output resolved to."""
        return asyncio.get_event_loop().run_until_complete(output.future())  # type: ignore

    def value_is_secret(self, output: pulumi.Output[Any]) -> bool:
        """Tell whether an output would be masked and encrypted."""
        return asyncio.get_event_loop().run_until_complete(output.is_secret())

    def types(self) -> set[str]:
        """Return every type that was asked for."""
        return {request.type for request in self._monitor.requests} - {"pulumi:pulumi:Stack"}

    def one(self, typ: str, name: str | None = None) -> Any:
        """Return the inputs of the only resource of a type, or of that name."""
        return rpc.deserialize_properties(self.options(typ, name).object)

    def all(self, typ: str) -> dict[str, Any]:
        """Return the inputs of every resource of a type by name."""
        return {
            request.name: rpc.deserialize_properties(request.object)
            for request in self._monitor.requests
            if request.type == typ
        }

    def options(self, typ: str, name: str | None = None) -> Any:
        """Return the raw request for such a resource: its parent, ignoreChanges, ..."""
        (found,) = [
            request
            for request in self._monitor.requests
            if request.type == typ and name in (None, request.name)
        ]
        return found

    def waits_for(self, typ: str, name: str | None = None) -> set[str]:
        """Return the names of what such a resource depends on.

        A component's own request carries its depends_on; its children wait through it.
        """
        return {urn.split("::")[-1] for urn in self.options(typ, name).dependencies}

    def parent_of(self, typ: str, name: str | None = None) -> str:
        """Return the type and the name of such a resource's parent."""
        *_, types, parent = self.options(typ, name).parent.split("::")
        return f"{types.split('$')[-1]}::{parent}"

    def promised(self, component: pulumi.ComponentResource) -> dict[str, Any]:
        """Return what a component registered as its outputs."""
        return self._monitor.outputs[self.value(component.urn)]

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.typ == "eks:index:Cluster":
            return "", self._eks_cluster(args)
        if args.typ == "pulumi:pulumi:StackReference":
            return args.inputs["name"], self._stack_reference(args.inputs["name"])
        computed = _COMPUTED.get(args.typ, lambda _: {})(args.name)
        return f"{args.name}-id", {**args.inputs, **computed}

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        if args.token == "pulumi:pulumi:readStackOutputs":  # the engine answers that itself
            return {**args.args, "outputs": self.stacks.get(args.args["name"], {})}
        raise AssertionError(f"unexpected lookup in a unit test: {args.token}")

    def _stack_reference(self, name: str) -> dict[str, Any]:
        outputs = self.stacks[name]
        secret = [each for each in ("kubeconfig",) if each in outputs]
        return {"name": name, "outputs": outputs, "secretOutputNames": secret}

    def _eks_cluster(self, args: MockResourceArgs) -> dict[str, Any]:
        # eks.Cluster is built by a provider process; its eks_cluster output is a reference
        # to a resource of that process, so we plant one for the reference to resolve to.
        name = args.inputs["name"]
        state = {
            "name": name,
            "endpoint": f"https://{name}.eks.invalid",
            "certificateAuthority": {"data": "Q0E="},
            "vpcConfig": {"clusterSecurityGroupId": "sg-cluster"},
        }
        urn = f"urn:pulumi:test::tfserving::aws:eks/cluster:Cluster::{name}"
        self._monitor.resources[urn] = MockMonitor.ResourceRegistration(urn, name, state)
        reference = {rpc._special_sig_key: rpc._special_resource_sig, "urn": urn, "id": name}
        return {"eksCluster": reference, "kubeconfigJson": "{}"}


class _Recorder(MockMonitor):
    """Keeps what the stock mock monitor drops: resource options and registered outputs.

    It also opens the event loops of its worker threads, which the stock monitor opens where
    there is none and never closes, so that the fixture can close them.
    """

    def __init__(self, mocks: Mocks) -> None:
        super().__init__(mocks)
        self.requests: list[Any] = []
        self.outputs: dict[str, dict[str, Any]] = {}
        self.worker_loops: set[asyncio.AbstractEventLoop] = set()
        self._thread = threading.local()

    def Invoke(self, request: Any) -> Any:  # noqa: N802 - a gRPC method name
        self._open_loop()
        return super().Invoke(request)

    def ReadResource(self, request: Any) -> Any:  # noqa: N802 - a gRPC method name
        self._open_loop()
        return super().ReadResource(request)

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - a gRPC method name
        self.requests.append(request)
        self._open_loop()
        return super().RegisterResource(request)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - a gRPC method name
        self.outputs[request.urn] = rpc.deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)

    def _open_loop(self) -> None:
        if not hasattr(self._thread, "loop"):
            self._thread.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._thread.loop)
            self.worker_loops.add(self._thread.loop)


@contextmanager
def open_cloud() -> Iterator[Cloud]:
    """Have a cloud for a while, on an event loop of its own."""
    with (
        ExitStack() as at_last,
        asyncio.Runner() as runner,
        pytest.MonkeyPatch.context() as patch,
    ):
        # Which lines asked for a resource is asked by no test, and takes a fifth of their time.
        patch.setattr("pulumi.runtime.resource._get_stack_trace", source_pb2.StackTrace)
        runner.get_loop()
        cloud = Cloud()
        at_last.callback(cloud.close)  # though what is done in it fails
        yield cloud


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A cloud of the test's own."""
    with open_cloud() as cloud:
        yield cloud
